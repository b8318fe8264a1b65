"""The adapter over OpenAI's SDK: OpenAI itself, any compatible server, and a local Ollama.

Owns the choice between the Responses interface and chat completions. The formats themselves are in
`openai_responses` and `openai_chat`.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from codemad_jupyter.gateway import openai_chat, openai_responses
from codemad_jupyter.gateway.adapter import Adapter, opened, untouched
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.failures import CallFailed, failure_of, read_failure
from codemad_jupyter.gateway.probing import probed
from codemad_jupyter.gateway.provider import Delta, ModelInfo, Request
from codemad_jupyter.gateway.reply import Reply

_ANY_MODEL = "default"
_ADDRESS = "https://api.openai.com/v1"
_PICKY = ("openai", "azure")
"""Whose newer models refuse a temperature."""


class OpenAIProvider(Adapter):
    """OpenAI's own models."""

    name = "openai"
    label = "OpenAI"
    key_variable = "OPENAI_API_KEY"

    def __init__(self, config: GatewayConfig, *, catalog: Catalog, redact: Callable[[str], str]) -> None:
        super().__init__(
            config, key=config.openai_api_key, base_url=config.openai_base_url, catalog=catalog, redact=redact
        )

    def listing(self) -> tuple[str, dict[str, str]] | None:
        """See `Adapter`."""
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return f"{(self._base_url or _ADDRESS).rstrip('/')}/models", headers

    def _make_client(self) -> Any:
        import openai
        from openai.types.responses import Response

        limits = openai.Timeout(60.0, connect=self._config.connect_timeout)
        client = openai.AsyncOpenAI(
            # A server without keys must still be sent some word; the SDK refuses an empty one.
            api_key=self._key or "none",
            base_url=self._base_url,
            max_retries=0,
            timeout=limits,
        )
        # Both load more of the SDK, here and not on the event loop: its largest schema takes 0.3 s.
        _ = client.chat.completions, client.responses, client.embeddings
        Response.construct(tools=[], output=[], tool_choice="auto")
        return client

    async def _pieces(self, request: Request, reply: Reply) -> AsyncIterator[Delta]:
        client = await self._client.get()
        limits = type(client.timeout)(request.timeout, connect=self._config.connect_timeout)
        read: Callable[[Any, Reply], Iterator[Delta]]
        if self._speaks_responses(client):
            read, interface = openai_responses.read_event, client.responses
            body = self._responses_body(request)
        else:
            read, interface = openai_chat.read_chunk, client.chat.completions
            body = await self._chat_body(request)
        calling = interface.create(**untouched(body), stream=True, timeout=limits)
        async with opened(await calling) as stream:
            self._check_reply(stream.response, request.model)
            async for event in stream:
                for piece in read(event, reply):
                    yield piece

    async def embeddings(self, model: str, texts: Sequence[str], *, timeout: float) -> Any:
        """The SDK's answer with a vector for each text. Raises `CallFailed`."""
        try:
            self._check_key()
            client = await self._client.get()
            limits = type(client.timeout)(timeout, connect=self._config.connect_timeout)
            return await client.embeddings.create(
                model=self._bare(model), input=[*texts], encoding_format="float", timeout=limits
            )
        except Exception as error:
            raise read_failure(error, self._caller(model), redact=self._redact) from error

    def _speaks_responses(self, client: Any) -> bool:
        if self._config.openai_api != "auto":
            return self._config.openai_api == "responses"
        return str(client.base_url.host).endswith(".openai.com")

    def _responses_body(self, request: Request) -> dict[str, Any]:
        return openai_responses.request_body(
            request,
            model=self._bare(request.model),
            max_tokens=self._max_tokens(request),
            traits=self._catalog.traits(request.model),
        )

    async def _chat_body(self, request: Request) -> dict[str, Any]:
        traits = self._catalog.traits(request.model)
        body: dict[str, Any] = {
            "model": await self._model_there(request),
            "messages": openai_chat.chat_messages(request, provider=self.name),
            self._length_field: self._max_tokens(request),
            "stream_options": {"include_usage": True},
        }
        if request.tools:
            body["tools"] = openai_chat.chat_tools(request.tools)
        if request.temperature is not None and (traits.sampling or self.name not in _PICKY):
            body["temperature"] = request.temperature
        return body

    _length_field = "max_completion_tokens"

    async def _model_there(self, request: Request) -> str:
        return self._bare(request.model)


class CompatibleProvider(OpenAIProvider):
    """Any server that speaks chat completions: vLLM, llama.cpp, LM Studio, a gateway of one's own."""

    name = "compatible"
    label = "The model server"
    key_variable = "CODEMAD_COMPATIBLE_API_KEY"
    needs_key = False
    local = True
    """Asked for its models when a person wants to know."""
    # The newer name of this field is unknown to most servers.
    _length_field = "max_tokens"

    def __init__(self, config: GatewayConfig, *, catalog: Catalog, redact: Callable[[str], str]) -> None:
        Adapter.__init__(
            self,
            config,
            key=config.compatible_api_key,
            base_url=config.compatible_base_url,
            catalog=catalog,
            redact=redact,
        )

    def why_not_ready(self) -> str:
        """A base URL is all it takes."""
        return "" if self._base_url else "Set the base URL of your model server."

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models named in the settings; with none, whichever the server offers first."""
        own = tuple(f"{self.name}/{name}" for name in self._config.compatible_models)
        known = tuple(name for name in self._catalog.names(self.name) if name not in own)
        why = self.why_not_ready()
        names = (*own, *known) or (f"{self.name}/{_ANY_MODEL}",)
        return tuple(self._described(name, why=why) for name in names)

    async def probe(self) -> tuple[ModelInfo, ...]:
        """The models the server names when asked. Empty when it cannot be reached."""
        asked = self.listing()
        names = (await probed(*asked)).names if asked is not None and self._base_url else ()
        return tuple(self._described(f"{self.name}/{name}") for name in names)

    def _described(self, name: str, *, why: str = "") -> ModelInfo:
        return self._catalog.info(name).model_copy(update={"ready": not why, "why": why})

    def _speaks_responses(self, client: Any) -> bool:
        return False

    async def _pieces(self, request: Request, reply: Reply) -> AsyncIterator[Delta]:
        if not self._base_url:
            raise CallFailed(
                "bad_request",
                f"No address of a model server is set, so {request.model} cannot be called.",
                hint="Set the base URL of your model server, for instance http://127.0.0.1:8000/v1.",
            )
        async with aclosing(super()._pieces(request, reply)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                yield piece

    async def _model_there(self, request: Request) -> str:
        """The model's name; for ``default`` the first one that the server offers."""
        bare = self._bare(request.model)
        if bare != _ANY_MODEL:
            return bare
        for found in await self.probe():
            return self._bare(found.name)
        raise failure_of("unknown_model", self._caller(request.model), detail="it names no model of its own")


class OllamaProvider(CompatibleProvider):
    """A local Ollama."""

    name = "ollama"
    label = "Ollama"

    def __init__(self, config: GatewayConfig, *, catalog: Catalog, redact: Callable[[str], str]) -> None:
        self._address = config.ollama_base_url.rstrip("/").removesuffix("/v1")
        Adapter.__init__(
            self, config, key=None, base_url=f"{self._address}/v1", catalog=catalog, redact=redact
        )

    def why_not_ready(self) -> str:
        """Whether it runs is known only when it is asked."""
        return ""

    async def models(self) -> tuple[ModelInfo, ...]:
        """Those of the user's price file. What is installed is found out by `probe` alone."""
        return tuple(self._described(name) for name in self._catalog.names(self.name))

    def listing(self) -> tuple[str, dict[str, str]] | None:
        """Its own interface names what is installed."""
        return f"{self._address}/api/tags", {}
