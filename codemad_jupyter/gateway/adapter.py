"""What all adapters share: one ending, a limit of time, and no exception that escapes.

An adapter says how to call its SDK (`_make_client`, `_pieces`); everything that can go wrong is read
here into one `Failed`.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from pydantic import SecretStr

from codemad_jupyter.gateway.arguments import BadArguments
from codemad_jupyter.gateway.catalog import Catalog
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.failures import Caller, CallFailed, failure_of, one_line, read_failure
from codemad_jupyter.gateway.loading import Once
from codemad_jupyter.gateway.provider import Delta, Failed, ModelInfo, Request
from codemad_jupyter.gateway.reply import Reply


def untouched(body: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call with the tools beside them, as the SDKs send what they do not know: looking
    through each tool's schema, in which they find nothing to change, takes them a large part of a call."""
    beside = body.get("extra_body", {}) | {name: body[name] for name in body if name == "tools"}
    rest = {name: value for name, value in body.items() if name not in ("tools", "extra_body")}
    return {**rest, "extra_body": beside} if beside else rest


@asynccontextmanager
async def opened(stream: Any) -> AsyncIterator[Any]:
    """The stream of an SDK, closed afterwards with the generators it reads by. It refers to itself, so these
    would be left to the garbage collector, which may close one while another is closing."""
    try:
        yield stream
    finally:
        await stream._iterator.aclose()
        await stream.close()


class Adapter(ABC):
    """A provider over one SDK. Subclasses set ``name``, ``label`` and ``key_variable``."""

    name: str
    label: str
    key_variable: str
    needs_key = True

    def __init__(
        self,
        config: GatewayConfig,
        *,
        key: SecretStr | None,
        base_url: str | None,
        catalog: Catalog,
        redact: Callable[[str], str],
    ) -> None:
        self._config = config
        self._key = key.get_secret_value().strip() if key is not None else ""
        self._base_url = base_url
        self._catalog = catalog
        self._redact = redact
        self._client: Once[Any] = Once(self._make_client)

    @abstractmethod
    def _make_client(self) -> Any:
        """Import the SDK and build its client; runs in a worker thread."""

    @abstractmethod
    def _pieces(self, request: Request, reply: Reply) -> AsyncIterator[Delta]:
        """Call the model and feed ``reply``; what a person sees at once is yielded."""

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Call the model; see `Provider`."""
        reply = Reply(request.model, provider=self.name)
        failure: Exception | None = None
        try:
            self._check_key()
            async for piece in self._limited(self._pieces(request, reply)):
                yield piece
        except Exception as error:
            failure = error
        ending = self._ending(request, reply, failure)
        failure = None  # it holds this frame and with it the SDK's generators
        for delta in ending:
            yield delta

    async def models(self) -> tuple[ModelInfo, ...]:
        """The known models of this provider."""
        why = self.why_not_ready()
        names = self._catalog.names(self.name)
        return tuple(
            self._catalog.info(name).model_copy(update={"ready": not why, "why": why}) for name in names
        )

    def why_not_ready(self) -> str:
        """What is missing before this provider could be called; empty when nothing is."""
        if self.needs_key and not self._key:
            return f"Set {self.key_variable}."
        return ""

    def listing(self) -> tuple[str, dict[str, str]] | None:
        """The address and headers with which this provider names its models; None: it does not."""
        return None

    async def aclose(self) -> None:
        """Close the connections that are kept open for the next call."""
        client = await self._client.take()
        if client is not None:
            await client.close()

    async def _limited(self, pieces: AsyncIterator[Delta]) -> AsyncIterator[Delta]:
        """The same pieces, until the total time is over. Silence is limited by the SDK's read timeout."""
        seconds = self._config.total_timeout
        deadline = asyncio.get_running_loop().time() + seconds
        async with aclosing(pieces):  # type: ignore[type-var]
            while True:
                try:
                    async with asyncio.timeout_at(deadline) as limit:
                        piece = await anext(pieces)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    if not limit.expired():
                        raise
                    raise CallFailed(
                        "timeout",
                        f"{self.label} took longer than {seconds:g} seconds for one reply.",
                        hint="Ask for less at a time, or raise total_timeout in the settings.",
                    ) from None
                yield piece

    def _ending(self, request: Request, reply: Reply, failure: Exception | None) -> tuple[Delta, ...]:
        """The last deltas. Once the provider said that the reply is complete, a lost tail costs nothing."""
        if reply.stop is None:
            return (self._failed(request, reply, failure or self._cut(request, reply)),)
        try:
            return reply.ending()
        except BadArguments as error:
            caller = self._caller(request.model)
            failed = self._failed(request, reply, failure_of("malformed", caller, detail=str(error)))
            return (failed.model_copy(update={"repairable": True}),)

    def _failed(self, request: Request, reply: Reply, error: Exception) -> Failed:
        failure = read_failure(error, self._caller(request.model), redact=self._redact)
        return Failed(
            kind=failure.kind,
            text=one_line(self._redact(failure.text)),
            hint=failure.hint,
            model=request.model,
            status=failure.status,
            retry_after=failure.retry_after,
            started=reply.started,
            partial=reply.partial(),
            usage=reply.usage,
        )

    def _cut(self, request: Request, reply: Reply) -> CallFailed:
        if reply.events:
            words = "the reply stopped before it was complete"
            return failure_of("connection", self._caller(request.model), detail=words)
        return failure_of("connection", self._caller(request.model), detail="it closed without an answer")

    def _caller(self, model: str) -> Caller:
        return Caller(
            label=self.label,
            model=model,
            key_variable=self.key_variable,
            address=self._redact(self._base_url or ""),
        )

    def _check_key(self) -> None:
        caller = self._caller("")
        if self.needs_key and not self._key:
            raise failure_of("no_key", caller)
        if not self._key.isascii() or not self._key.isprintable() or " " in self._key:
            raise CallFailed(
                "bad_key",
                f"The API key for {self.label} contains characters that no key has.",
                hint=f"Copy it again without spaces or line ends into the settings or {self.key_variable}.",
            )

    def _check_reply(self, response: Any, model: str) -> None:
        """Refuse a web page that came with status 200, as login pages and proxies send it."""
        if "html" in response.headers.get("content-type", ""):
            raise failure_of("malformed", self._caller(model), detail="it is a web page")

    def _bare(self, model: str) -> str:
        """The name of the model as the provider knows it."""
        return model.removeprefix(f"{self.name}/")

    def _max_tokens(self, request: Request) -> int:
        limit = self._catalog.traits(request.model).max_output
        return min(request.max_tokens, limit) if limit else request.max_tokens
