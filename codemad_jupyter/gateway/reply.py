"""A reply while it arrives: text, thinking and tool calls in their order, then one ending.

Knows no wire format; the adapters feed it. Calls leave it only when the reply is complete, so a cut
stream can never deliver half a call, nor a call whose siblings are lost.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from io import StringIO
from typing import Literal
from uuid import uuid4

from codemad_jupyter.gateway.arguments import BadArguments, read_arguments
from codemad_jupyter.gateway.provider import CallPiece, Finished, TextPiece, ThinkingPiece
from codemad_jupyter.protocol.messages import (
    Message,
    Part,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    Usage,
)

Stop = Literal["end", "tool_calls", "length", "refused"]


@dataclass
class _Block:
    """One part in the making. A StringIO, since a list of a million deltas would weigh 60 MB."""

    kind: Literal["text", "thinking", "call"]
    key: Hashable = None
    id: str = ""
    name: str = ""
    signature: str | None = None
    text: StringIO = field(default_factory=StringIO)


class Reply:
    """Collects one reply. ``stop`` is None until the provider said that the reply is complete."""

    def __init__(self, model: str, *, provider: str) -> None:
        self.model = model
        self.usage = Usage()
        self.stop: Stop | None = None
        self.events = 0
        self._provider = provider
        self._blocks: list[_Block] = []

    @property
    def started(self) -> bool:
        """Whether any text was delivered. Calls are delivered at the end only."""
        return any(block.kind == "text" and block.text.tell() for block in self._blocks)

    def text(self, piece: str) -> TextPiece | None:
        """More text."""
        if not piece:
            return None
        self._open("text").text.write(piece)
        return TextPiece(text=piece)

    def thinking(self, piece: str) -> ThinkingPiece | None:
        """More thinking."""
        if not piece:
            return None
        self._open("thinking").text.write(piece)
        return ThinkingPiece(text=piece)

    def sign(self, signature: str) -> None:
        """More of the signature of the thinking that is open."""
        block = self._open("thinking")
        block.signature = (block.signature or "") + signature

    def new_thinking(self, signature: str | None = None) -> None:
        """A new block of thinking begins, even if the last one was thinking too."""
        self._blocks.append(_Block("thinking", signature=signature))

    def call(
        self, key: Hashable, *, id: str | None = None, name: str | None = None, arguments: str = ""
    ) -> None:
        """A tool call begins or goes on; ``key`` is what the wire uses to tell the calls apart."""
        block = next((b for b in reversed(self._blocks) if b.kind == "call" and b.key == key), None)
        # Some servers give every parallel call the same index, and tell them apart by id alone.
        if block is None or (id and block.id and id != block.id):
            block = _Block("call", key=key)
            self._blocks.append(block)
        block.id = block.id or id or ""
        block.name = block.name or name or ""
        block.text.write(arguments)

    def _open(self, kind: Literal["text", "thinking"]) -> _Block:
        if not self._blocks or self._blocks[-1].kind != kind:
            self._blocks.append(_Block(kind))
        return self._blocks[-1]

    def ending(self) -> tuple[CallPiece | Finished, ...]:
        """The calls, then `Finished`. Raises `BadArguments` when a call cannot be read."""
        parts = self._parts()
        calls = tuple(CallPiece(call=part) for part in parts if isinstance(part, ToolCallPart))
        stop = self.stop or "end"
        if calls and stop == "end":
            stop = "tool_calls"
        elif not calls and stop == "tool_calls":
            stop = "end"
        message = Message(role="assistant", parts=parts)
        return (*calls, Finished(message=message, model=self.model, usage=self.usage, stop=stop))

    def partial(self) -> Message | None:
        """What had arrived, without tool calls; None when that is nothing."""
        blocks = (block for block in self._blocks if block.kind != "call")
        parts = tuple(part for block in blocks if (part := self._part(block)) is not None)
        return Message(role="assistant", parts=parts) if parts else None

    def _parts(self) -> tuple[Part, ...]:
        parts: list[Part] = []
        for block in self._blocks:
            part = self._call_part(block) if block.kind == "call" else self._part(block)
            if part is not None:
                parts.append(part)
        return tuple(parts)

    def _part(self, block: _Block) -> TextPart | ThinkingPart | None:
        text = block.text.getvalue()
        if block.kind == "text":
            return TextPart(text=text) if text else None
        if not text and not block.signature:
            return None
        return ThinkingPart(text=text, signature=block.signature, provider=self._provider)

    def _call_part(self, block: _Block) -> ToolCallPart:
        raw = block.text.getvalue()
        if not block.name:
            raise BadArguments("a tool call without a name")
        if self.stop == "length" and not raw.strip():
            raise BadArguments(f"the call of {block.name} was cut off by the limit of the reply's length")
        try:
            arguments = read_arguments(raw)
        except BadArguments as error:
            raise BadArguments(f"the arguments of the call of {block.name}: {error}") from error
        return ToolCallPart(id=block.id or f"call_{uuid4().hex[:16]}", name=block.name, arguments=arguments)
