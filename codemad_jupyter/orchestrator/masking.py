"""Messages and events without secrets: what is stored, told and sent goes through here."""

from collections.abc import Callable
from typing import Any

from codemad_jupyter.protocol.events import EVENT, Event
from codemad_jupyter.protocol.messages import (
    Message,
    Part,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from codemad_jupyter.tools.executor import mapped

Redact = Callable[[str], str]

_DOCUMENTS = frozenset({"edit_proposed"})
"""Events that carry the person's own documents byte for byte, so that they can be written back."""
_CODES = frozenset(
    [
        "type",
        "session",
        "run",
        "agent",
        "id",
        "message",
        "call",
        "edit",
        "checkpoint",
        "approval",
        "digest",
        "signature",
        "data",
        "seq",
        "at",
    ]
)
"""Fields that name something: never text of anybody."""


def masked_part(part: Part, redact: Redact) -> Part | None:
    """The part without secrets; None for thinking that names one: changed, its signature would not fit."""
    match part:
        case TextPart():
            return part.model_copy(update={"text": redact(part.text)})
        case ThinkingPart():
            return part if redact(part.text) == part.text else None
        case ToolCallPart():
            return part.model_copy(update={"arguments": mapped(part.arguments, redact)})
        case ToolResultPart():
            return part.model_copy(update={"content": redact(part.content)})
        case _:
            return part


def masked_message(message: Message, redact: Redact) -> Message:
    """The message without secrets."""
    parts = (masked_part(part, redact) for part in message.parts)
    return message.model_copy(update={"parts": tuple(part for part in parts if part is not None)})


def masked_event(event: Event, redact: Redact) -> Event:
    """The event without secrets in any text that somebody wrote or some code gave."""
    if event.type in _DOCUMENTS:
        return event
    data = event.model_dump()
    clean = _masked(data, redact)
    return event if clean == data else EVENT.validate_python(clean)


def masked_wholly(event: Event, redact: Redact) -> Event:
    """The event without secrets also in the person's documents: for what leaves, and is not written back."""
    return EVENT.validate_python(_masked(event.model_dump(), redact))


def _masked(value: Any, redact: Redact) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: each if key in _CODES and isinstance(each, str) else _masked(each, redact)
                for key, each in value.items()}  # fmt: skip
    if isinstance(value, list | tuple):
        return [_masked(each, redact) for each in value]
    return value
