"""The fixture `model_server`, for every room: ``pytest_plugins = ["tests.servers.plugin"]``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.model_server import ModelServer


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    """A scripted model server on a free loopback port; give it turns with ``play``."""
    with ModelServer() as server:
        yield server
