"""Between our values and OpenAI's Responses format. Pure: nothing here calls anyone.

OpenAI's models from the year 2026 on refuse tools in chat completions unless reasoning is off.
"""

import json
from collections.abc import Iterator
from typing import Any

from codemad_jupyter.gateway.catalog import Traits
from codemad_jupyter.gateway.failures import CallFailed
from codemad_jupyter.gateway.history import settled, sound
from codemad_jupyter.gateway.provider import Delta, Request
from codemad_jupyter.gateway.reply import Reply
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

_SMALLEST_OUTPUT = 16


class StreamError(Exception):
    """The stream itself reported an error; ``body`` is shaped like that of an HTTP error."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(str(body.get("message") or "the response failed"))
        self.body = {"error": body}


def request_body(request: Request, *, model: str, max_tokens: int, traits: Traits) -> dict[str, Any]:
    """The arguments of ``responses.create``. Nothing is stored at the provider: the reasoning travels with
    the conversation, encrypted."""
    body: dict[str, Any] = {
        "model": model,
        "input": [item for message in settled(request.messages) for item in _items(message)],
        "max_output_tokens": max(max_tokens, _SMALLEST_OUTPUT),
        "store": False,
    }
    if request.system.strip():
        body["instructions"] = sound(request.system)
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                "strict": False,
            }
            for tool in request.tools
        ]
    if traits.thinking:
        body["include"] = ["reasoning.encrypted_content"]
        if request.thinking:
            body["reasoning"] = {"summary": "auto"}
    if request.temperature is not None and traits.sampling:
        body["temperature"] = request.temperature
    return body


def _items(message: Message) -> list[dict[str, Any]]:
    if message.role == "user":
        return [{"role": "user", "content": _user_content(message)}]
    items = [item for part in message.parts if (item := _item(part)) is not None]
    # Reasoning whose answer was cut off is refused: it may not be the last word of a turn.
    while items and items[-1].get("type") == "reasoning":
        items.pop()
    return items


def _user_content(message: Message) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, TextPart):
            content.append({"type": "input_text", "text": part.text})
        elif isinstance(part, ImagePart):
            url = f"data:{part.mime};base64,{part.data}"
            content.append({"type": "input_image", "image_url": url, "detail": "auto"})
    return content


def _item(part: Any) -> dict[str, Any] | None:
    match part:
        case TextPart():
            return {"role": "assistant", "content": part.text}
        case ThinkingPart():
            return _reasoning(part)
        case ToolCallPart():
            arguments = json.dumps(part.arguments)
            return {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": arguments}
        case ToolResultPart():
            output: Any = part.content
            if part.images:
                parts: tuple[Part, ...] = (TextPart(text=part.content), *part.images)
                output = _user_content(Message(role="user", parts=parts))
            return {"type": "function_call_output", "call_id": part.id, "output": output}
    return None


def _reasoning(part: ThinkingPart) -> dict[str, Any] | None:
    if part.provider != "openai" or not part.signature:
        return None
    signed = json.loads(part.signature)
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    return {"type": "reasoning", "summary": summary, **signed}


def read_event(event: Any, reply: Reply) -> Iterator[Delta]:
    """Feed one event of the stream to the reply."""
    reply.events += 1
    match event.type:
        case "response.output_text.delta" | "response.refusal.delta":
            if (piece := reply.text(event.delta)) is not None:
                yield piece
        case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
            if (thought := reply.thinking(event.delta)) is not None:
                yield thought
        case "response.reasoning_summary_part.added" if event.summary_index:
            if (gap := reply.thinking("\n\n")) is not None:
                yield gap
        case "response.output_item.added" if event.item.type == "reasoning":
            reply.new_thinking()
        case "response.output_item.done":
            _done(event.item, reply)
        case "response.completed" | "response.incomplete":
            _finish(event.response, reply)
        case "response.failed":
            raise StreamError(_error(event.response.error))
        case "error":
            raise StreamError(_error(event))


def _done(item: Any, reply: Reply) -> None:
    if item.type == "function_call":
        reply.call(item.call_id, id=item.call_id, name=item.name, arguments=item.arguments or "")
    elif item.type == "reasoning" and getattr(item, "encrypted_content", None):
        reply.sign(json.dumps({"id": item.id, "encrypted_content": item.encrypted_content}))
    elif item.type == "message" and any(part.type == "refusal" for part in item.content or ()):
        reply.stop = "refused"


def _finish(response: Any, reply: Reply) -> None:
    reply.usage = _usage(response.usage)
    if response.status not in ("completed", "incomplete"):
        raise CallFailed("server", f"OpenAI ended the reply with the state {response.status}.")
    reason = getattr(response.incomplete_details, "reason", None)
    if reason == "content_filter" or reply.stop == "refused":
        reply.stop = "refused"
    else:
        reply.stop = "length" if response.status == "incomplete" else "end"


def _error(error: Any) -> dict[str, Any]:
    return {name: getattr(error, name, None) for name in ("code", "message")}


def _usage(usage: Any) -> Usage:
    if usage is None:
        return Usage()
    details = usage.input_tokens_details
    read = getattr(details, "cached_tokens", None) or 0
    written = getattr(details, "cache_write_tokens", None) or 0
    return Usage(
        input_tokens=max(0, usage.input_tokens - read - written),
        output_tokens=usage.output_tokens,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )
