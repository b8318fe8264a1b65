"""Jupyter's own server fixtures (`jp_fetch`, `jp_ws_fetch`, `jp_serverapp`), on pytest-asyncio's loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pytest_jupyter.jupyter_core import *  # noqa: F403
from pytest_jupyter.jupyter_server import *  # noqa: F403

# Their hooks would run every coroutine test on a loop of their own, beside pytest-asyncio's.
del pytest_pycollect_makeitem, pytest_pyfunc_call  # noqa: F821


@pytest.fixture(autouse=True)
def jp_asyncio_loop(_function_scoped_runner: asyncio.Runner) -> asyncio.AbstractEventLoop:
    return _function_scoped_runner.get_loop()


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {
        "ServerApp": {
            "jpserver_extensions": {"codemad_jupyter": True},
            "allow_unauthenticated_access": False,
        }
    }
