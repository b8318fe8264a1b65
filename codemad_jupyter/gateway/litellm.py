"""The adapter over LiteLLM, for every provider that has none of its own here.

LiteLLM is an optional package that takes seconds to import, reaches for the internet while it does and
loads a project's .env; all three are dealt with here. Its proxy server is never used.
"""

import importlib
import importlib.util
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from codemad_jupyter.gateway.adapter import Adapter
from codemad_jupyter.gateway.beside import Beside
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.failures import CallFailed
from codemad_jupyter.gateway.openai_chat import chat_messages, chat_tools, read_chunk
from codemad_jupyter.gateway.provider import Delta, Request
from codemad_jupyter.gateway.reply import Reply

_BESIDE: Beside[Any] = Beside("codemad litellm")
"""LiteLLM spends up to a millisecond on each chunk: on the caller's loop fifty streams would fill it."""
_INSTALL = "pip install 'codemad-jupyter[litellm]'"


class LiteLLMProvider(Adapter):
    """``litellm/<anything LiteLLM knows>``, for instance ``litellm/gemini/gemini-3-pro``."""

    name = "litellm"
    label = "LiteLLM"
    key_variable = "the variable LiteLLM names for this provider"
    needs_key = False

    def __init__(self, config: GatewayConfig, *, catalog: Catalog, redact: Callable[[str], str]) -> None:
        super().__init__(
            config,
            key=config.litellm_api_key,
            base_url=config.litellm_base_url,
            catalog=catalog,
            redact=redact,
        )

    def why_not_ready(self) -> str:
        """Whether the package is there, without importing it."""
        return "" if _installed() else f"Run: {_INSTALL}"

    async def aclose(self) -> None:
        """LiteLLM keeps its own connections and closes them when Python ends."""
        await self._client.take()

    def _make_client(self) -> Any:
        if not _installed():
            raise CallFailed(
                "bad_request",
                "The package litellm is not installed, so models named litellm/… cannot be called.",
                hint=f"Run: {_INSTALL}",
            )
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
        litellm: Any = importlib.import_module("litellm")
        litellm.suppress_debug_info = True  # it prints advice to standard output otherwise
        return litellm

    async def _pieces(self, request: Request, reply: Reply) -> AsyncIterator[Delta]:
        litellm = await self._client.get()
        body = self._body(request)
        async with aclosing(_BESIDE.stream(lambda: _chunks(litellm, body))) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                for piece in read_chunk(chunk, reply):
                    yield piece

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._bare(request.model),
            "messages": chat_messages(request, provider=self.name),
            "max_tokens": self._max_tokens(request),
            "stream_options": {"include_usage": True},
            "timeout": request.timeout,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": True,
            # Or every call with tools looks for its MCP gateway, which needs one more package.
            "_skip_mcp_handler": True,
        }
        if request.tools:
            body["tools"] = chat_tools(request.tools)
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if self._base_url:
            body["api_base"] = self._base_url
        if self._key:
            body["api_key"] = self._key
        return body


async def _chunks(litellm: Any, body: dict[str, Any]) -> AsyncIterator[Any]:
    stream = await litellm.acompletion(**body, stream=True)
    try:
        async for chunk in stream:
            yield chunk
    finally:
        await stream.aclose()


def _installed() -> bool:
    try:
        return importlib.util.find_spec("litellm") is not None
    except ValueError:
        return False
