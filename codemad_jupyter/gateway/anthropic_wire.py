"""Between our values and the Anthropic Messages format. Pure: nothing here calls anyone."""

import re
from collections.abc import Iterator
from typing import Any

from codemad_jupyter.gateway.catalog import Traits
from codemad_jupyter.gateway.history import settled, sound
from codemad_jupyter.gateway.provider import Delta, Request
from codemad_jupyter.gateway.reply import Reply, Stop
from codemad_jupyter.protocol.messages import (
    ImagePart,
    Message,
    Part,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
)

_CACHED = {"type": "ephemeral"}
# Hidden thinking has no text of its own; the mark keeps it apart from thinking that is merely not shown.
_REDACTED = "redacted:"
_BINDING_BETA = "thinking-binding-controls-2026-08-01"
_STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "pause_turn": "end",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refused",
}


def request_body(request: Request, *, model: str, max_tokens: int, traits: Traits) -> dict[str, Any]:
    """The arguments of ``messages.create``. The prefix that repeats is marked for the cache: tools,
    system prompt, and all up to the last message."""
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": max_tokens,
        "messages": _messages(request.messages),
    }
    if request.system.strip():
        body["system"] = [{"type": "text", "text": sound(request.system), "cache_control": _CACHED}]
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            for tool in request.tools
        ]
        body["tools"][-1]["cache_control"] = _CACHED
    body.update(_thinking(request, max_tokens=max_tokens, traits=traits))
    if request.temperature is not None and traits.sampling and "thinking" not in body:
        # The SDK dropped the named argument when newer models stopped taking it.
        body["extra_body"] = {"temperature": request.temperature}
    return body


def _thinking(request: Request, *, max_tokens: int, traits: Traits) -> dict[str, Any]:
    """What to say about thinking. Models that bind thinking to the conversation refuse it after any change
    of what came before (a compaction, a new system prompt), unless told to drop it."""
    if traits.binding:
        thinking: dict[str, Any] = {
            "type": "adaptive",
            "block_binding": {"prefix_mismatch_behavior": "drop_block"},
        }
        if request.thinking:
            thinking["display"] = "summarized"
        return {"thinking": thinking, "extra_headers": {"anthropic-beta": _BINDING_BETA}}
    if not request.thinking or not traits.thinking:
        return {}
    if traits.adaptive:
        return {"thinking": {"type": "adaptive", "display": "summarized"}}
    budget = max_tokens // 2
    return {"thinking": {"type": "enabled", "budget_tokens": budget}} if budget >= 1024 else {}


def _messages(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for message in settled(messages):
        role = "assistant" if message.role == "assistant" else "user"
        blocks = [block for part in message.parts if (block := _block(part)) is not None]
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"].extend(blocks)
        else:
            turns.append({"role": role, "content": blocks})
    _mark_last(turns)
    return turns


def _mark_last(turns: list[dict[str, Any]]) -> None:
    for block in reversed(turns[-1]["content"] if turns else []):
        if block["type"] not in ("thinking", "redacted_thinking"):
            block["cache_control"] = _CACHED
            return


def _block(part: Part) -> dict[str, Any] | None:
    match part:
        case TextPart():
            return {"type": "text", "text": part.text}
        case ThinkingPart():
            return _thinking_block(part)
        case ImagePart():
            return _image(part)
        case ToolCallPart():
            return {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": part.arguments}
        case ToolResultPart():
            return {
                "type": "tool_result",
                "tool_use_id": _id(part.id),
                "content": _result_content(part),
                "is_error": part.is_error,
            }


def _image(part: ImagePart) -> dict[str, Any]:
    source = {"type": "base64", "media_type": part.mime, "data": part.data}
    return {"type": "image", "source": source}


def _result_content(part: ToolResultPart) -> str | list[dict[str, Any]]:
    if not part.images or part.is_error:  # beside an error only text is taken
        return part.content
    return [{"type": "text", "text": part.content}, *map(_image, part.images)]


def _thinking_block(part: ThinkingPart) -> dict[str, Any] | None:
    if part.provider != "anthropic" or not part.signature:
        return None
    if part.signature.startswith(_REDACTED):
        return {"type": "redacted_thinking", "data": part.signature.removeprefix(_REDACTED)}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _id(call: str) -> str:
    """Ids of other providers may hold signs that this one refuses."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", call)


def read_event(event: Any, reply: Reply) -> Iterator[Delta]:
    """Feed one event of the stream to the reply."""
    reply.events += 1
    match event.type:
        case "message_start":
            reply.usage = _usage(event.message.usage, reply.usage)
        case "content_block_start":
            yield from _started(event, reply)
        case "content_block_delta":
            yield from _delta(event, reply)
        case "message_delta":
            reply.usage = _usage(event.usage, reply.usage)
            if event.delta.stop_reason is not None:
                reply.stop = _STOPS.get(event.delta.stop_reason, "end")
        case "message_stop":
            reply.stop = reply.stop or "end"


def _started(event: Any, reply: Reply) -> Iterator[Delta]:
    block = event.content_block
    match block.type:
        case "text":
            if (piece := reply.text(block.text or "")) is not None:
                yield piece
        case "thinking":
            reply.new_thinking()
            if (thought := reply.thinking(block.thinking or "")) is not None:
                yield thought
            if block.signature:
                reply.sign(block.signature)
        case "redacted_thinking":
            reply.new_thinking(_REDACTED + block.data)
        case "tool_use":
            reply.call(event.index, id=block.id, name=block.name)


def _delta(event: Any, reply: Reply) -> Iterator[Delta]:
    delta = event.delta
    match delta.type:
        case "text_delta":
            if (piece := reply.text(delta.text)) is not None:
                yield piece
        case "thinking_delta":
            if (thought := reply.thinking(delta.thinking)) is not None:
                yield thought
        case "signature_delta":
            reply.sign(delta.signature)
        case "input_json_delta":
            reply.call(event.index, arguments=delta.partial_json)


def _usage(usage: Any, before: Usage) -> Usage:
    """Counts are cumulative; a field that a later event leaves out keeps its value."""

    def count(name: str, known: int) -> int:
        value = getattr(usage, name, None)
        return value if isinstance(value, int) and value >= 0 else known

    return Usage(
        input_tokens=count("input_tokens", before.input_tokens),
        output_tokens=count("output_tokens", before.output_tokens),
        cache_read_tokens=count("cache_read_input_tokens", before.cache_read_tokens),
        cache_write_tokens=count("cache_creation_input_tokens", before.cache_write_tokens),
    )
