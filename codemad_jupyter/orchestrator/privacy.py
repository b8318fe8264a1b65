"""The gate before every model: what is sent is masked and kept to the data level, and what comes back is
masked before anybody sees, stores or logs it.

`Guarded` wraps a provider, so nothing reaches a model around it. What each value may tell is decided in
``tools.data_levels``, what a secret is in ``config.redaction``.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from urllib.parse import urlsplit

from codemad_jupyter.config.redaction import Redactor
from codemad_jupyter.gateway.adapters import local_address
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.provider import (
    CallPiece,
    Delta,
    Failed,
    Finished,
    ModelInfo,
    Provider,
    Request,
    TextPiece,
    ThinkingPiece,
)
from codemad_jupyter.gateway.router import OFFLINE_MODEL
from codemad_jupyter.orchestrator.masking import Redact, masked_message, masked_part
from codemad_jupyter.orchestrator.streaming import StreamMask
from codemad_jupyter.protocol.messages import (
    ImagePart,
    Message,
    Part,
    TextPart,
    ToolResultPart,
)
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.tools.data_levels import allows

_OLD: DataLevel = "outputs"
"""What results that were stored without a level may hold."""


def leaves(model: str, config: GatewayConfig, fallbacks: tuple[str, ...] = ()) -> bool:
    """Whether what is sent to the model, or to one that may step in, leaves this machine."""
    if config.cassette_mode == "replay":
        return False
    return any(_leaves(name, config) for name in (model, *fallbacks))


def _leaves(model: str, config: GatewayConfig) -> bool:
    if model == OFFLINE_MODEL:
        return False
    host = urlsplit(local_address(model.partition("/")[0], config)).hostname or ""
    return not (host in ("localhost", "::1") or host.startswith("127."))


def level_for(model: str, chosen: DataLevel) -> DataLevel:
    """The level that holds for a model: the built-in assistant may look at everything."""
    return "images" if model == OFFLINE_MODEL else chosen


def outgoing(messages: tuple[Message, ...], level: DataLevel, redact: Redact) -> tuple[Message, ...]:
    """The messages as they may be sent: masked, without what an earlier, more generous level let in."""
    return tuple(_outgoing(message, level, redact) for message in messages)


def _outgoing(message: Message, level: DataLevel, redact: Redact) -> Message:
    parts = tuple(masked_part(_allowed(part, level), redact) for part in message.parts)
    return message.model_copy(update={"parts": tuple(part for part in parts if part is not None)})


def _allowed(part: Part, level: DataLevel) -> Part:
    if isinstance(part, ImagePart) and not allows(level, "images"):
        return TextPart(text=f"[image withheld at data level {level}]")
    if isinstance(part, ToolResultPart) and not allows(level, part.level or _OLD):
        said = f"[withheld: it was told at data level {part.level or _OLD}; now {level} holds]"
        return part.model_copy(update={"content": said, "images": ()})
    if isinstance(part, ToolResultPart) and part.images and not allows(level, "images"):
        said = f"{part.content}\n[images withheld at data level {level}]"
        return part.model_copy(update={"content": said, "images": ()})
    return part


class Guarded:
    """A provider behind the gate."""

    def __init__(self, inner: Provider, *, redact: Redactor, level: DataLevel) -> None:
        self.name = inner.name
        self._inner = inner
        self._redact = redact
        self._level: DataLevel = level

    async def models(self) -> tuple[ModelInfo, ...]:
        """Those of the provider inside."""
        return await self._inner.models()

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Call the model; see `Provider`."""
        messages = outgoing(request.messages, self._level, self._redact)
        safe = request.model_copy(update={"messages": messages, "system": self._redact(request.system)})
        said, thought = StreamMask(self._redact), StreamMask(self._redact)
        async with aclosing(self._inner.stream(safe)) as deltas:  # type: ignore[type-var]
            async for delta in deltas:
                match delta:
                    case TextPiece():
                        for text in said.add(delta.text):
                            yield TextPiece(text=text)
                    case ThinkingPiece():
                        for text in thought.add(delta.text):
                            yield ThinkingPiece(text=text)
                    case _:
                        for text in thought.rest():
                            yield ThinkingPiece(text=text)
                        for text in said.rest():
                            yield TextPiece(text=text)
                        yield self._masked(delta)

    def _masked(self, delta: Delta) -> Delta:
        match delta:
            case Finished():
                return delta.model_copy(update={"message": masked_message(delta.message, self._redact)})
            case Failed():
                partial = masked_message(delta.partial, self._redact) if delta.partial else None
                text = {"text": self._redact(delta.text), "hint": self._redact(delta.hint)}
                return delta.model_copy(update={**text, "partial": partial})
            case CallPiece():
                part = masked_part(delta.call, self._redact)
                return delta.model_copy(update={"call": part})
            case _:
                return delta
