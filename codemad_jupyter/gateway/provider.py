"""The Provider protocol: a request goes in, deltas come out, and no failure is ever raised.

Adapters and wrappers (fallback, metering, limits) all have this one shape.
"""

from collections.abc import AsyncIterator
from typing import Any, Literal, Protocol

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import ProviderErrorKind
from codemad_jupyter.protocol.messages import Message, ToolCallPart, Usage
from codemad_jupyter.protocol.models import ModelInfo as ModelInfo

PASSING: frozenset[ProviderErrorKind] = frozenset(
    {"rate_limited", "overloaded", "server", "timeout", "connection"}
)
"""Failures that may be over in a while; all others a person has to mend."""
ANOTHER_MAY: frozenset[ProviderErrorKind] = PASSING | {"out_of_quota"}
"""Failures after which the next model is asked: a quota that is used up is no better in a minute."""


class ToolSpec(Value):
    """A tool as the model sees it; ``parameters`` is the JSON Schema of its arguments."""

    name: str
    description: str
    parameters: dict[str, Any]


class Request(Value):
    """One model call. ``model`` is the full name ``provider/name``; ``thinking`` asks for reasoning
    where the model offers it; ``timeout`` is the longest silence in seconds."""

    model: str
    system: str = ""
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    max_tokens: int = 8192
    temperature: float | None = None
    thinking: bool = False
    timeout: float = 60.0


class TextPiece(Value):
    type: Literal["text"] = "text"
    text: str


class ThinkingPiece(Value):
    type: Literal["thinking"] = "thinking"
    text: str


class CallPiece(Value):
    """A complete tool call, arguments parsed; never a part of one."""

    type: Literal["call"] = "call"
    call: ToolCallPart


class Announcement(Value):
    """Something the person should be told: a retry, a fallback. ``model`` is the one used from now on."""

    type: Literal["announcement"] = "announcement"
    code: str
    text: str
    model: str


class Finished(Value):
    """The last delta of a call that worked. ``cost`` is in US dollars, None when unknown."""

    type: Literal["finished"] = "finished"
    message: Message
    model: str
    usage: Usage = Usage()
    cost: float | None = None
    stop: Literal["end", "tool_calls", "length", "refused"] = "end"


class Failed(Value):
    """The last delta of a call that failed. ``started`` says whether any text or call had been delivered;
    ``partial`` is what had arrived by then; ``unasked`` that nobody was called at all,
    ``repairable`` that the model wrote a call which cannot be read and may write it again."""

    type: Literal["failed"] = "failed"
    kind: ProviderErrorKind
    text: str
    hint: str = ""
    model: str
    status: int | None = None
    retry_after: float | None = None
    started: bool = False
    partial: Message | None = None
    usage: Usage = Usage()
    cost: float | None = None
    unasked: bool = False
    repairable: bool = False


Delta = TextPiece | ThinkingPiece | CallPiece | Announcement | Finished | Failed


class Provider(Protocol):
    """Streams deltas and ends with exactly one `Finished` or `Failed`.

    Never raises for a model failure. Closing the iterator (``aclose``) cancels the call.
    """

    name: str

    def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Call the model."""
        ...

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models this provider offers, without asking the network unless it is local."""
        ...
