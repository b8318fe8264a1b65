"""Makes a conversation acceptable to every provider before it goes on the wire.

A run that was cancelled or cut leaves tool calls without results, and providers refuse those. What is
repaired here is the copy that is sent; the session keeps what happened.
"""

from collections.abc import Iterable, Iterator

from codemad_jupyter.protocol.messages import (
    Message,
    Part,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)

_INTERRUPTED = "The call was interrupted before it gave a result."


def settled(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The messages with a result after each tool call, no result without a call, no empty message, and no
    two messages of the person in a row, which the templates of some local models refuse."""
    kept: list[Message] = []
    open_calls: dict[str, ToolCallPart] = {}
    for message in messages:
        if message.role == "tool":
            parts: tuple[Part, ...] = tuple(_results(message, open_calls))
        else:
            kept.extend(_interrupted(open_calls))
            parts = tuple(part for part in map(_clean, message.parts) if part is not None)
            open_calls = {call.id: call for call in message.tool_calls}
        if parts and message.role == "user" and kept and kept[-1].role == "user":
            kept[-1] = kept[-1].model_copy(update={"parts": (*kept[-1].parts, *parts)})
        elif parts:
            kept.append(message.model_copy(update={"parts": parts}))
    kept.extend(_interrupted(open_calls))
    return tuple(kept)


def sound(text: str) -> str:
    """The text without lone surrogates, which no request can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _results(message: Message, open_calls: dict[str, ToolCallPart]) -> Iterator[ToolResultPart]:
    for part in message.parts:
        if isinstance(part, ToolResultPart) and open_calls.pop(part.id, None) is not None:
            yield part.model_copy(update={"content": sound(part.content)})


def _interrupted(open_calls: dict[str, ToolCallPart]) -> Iterator[Message]:
    if not open_calls:
        return
    results = tuple(
        ToolResultPart(id=call.id, name=call.name, content=_INTERRUPTED, is_error=True)
        for call in open_calls.values()
    )
    open_calls.clear()
    yield Message(role="tool", parts=results)


def _clean(part: Part) -> Part | None:
    if isinstance(part, TextPart):
        return TextPart(text=sound(part.text)) if part.text.strip() else None
    # A block of thinking must go back byte for byte, or its signature no longer fits.
    if isinstance(part, ThinkingPart) and not part.text and not part.signature:
        return None
    return part
