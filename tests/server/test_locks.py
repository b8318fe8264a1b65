"""The server's own locks are on in tests, and our extension loads behind them."""

from __future__ import annotations

from typing import Any

import pytest
from tornado.httpclient import HTTPClientError


async def test_our_extension_is_loaded(jp_serverapp: Any, jp_fetch: Any) -> None:
    answer = await jp_fetch("api", "status")
    assert answer.code == 200
    assert jp_serverapp.extension_manager.extensions["codemad_jupyter"].enabled


async def test_nobody_gets_in_without_a_token(jp_fetch: Any) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("api", "contents", headers={"Authorization": ""})
    assert refused.value.code == 403
