"""Between our values and the chat completions format, which OpenAI, most other servers and LiteLLM speak.

Pure: nothing here calls anyone.
"""

import json
from collections.abc import Iterator
from typing import Any

from codemad_jupyter.gateway.history import settled, sound
from codemad_jupyter.gateway.provider import Delta, Request, ToolSpec
from codemad_jupyter.gateway.reply import Reply, Stop
from codemad_jupyter.protocol.messages import (
    ImagePart,
    Message,
    TextPart,
    ThinkingPart,
    ToolResultPart,
    Usage,
)

_STOPS: dict[str, Stop] = {
    "stop": "end",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "content_filter": "refused",
}
# Reasoning is no part of the format; these are the names the servers agreed on so far.
_REASONING = ("reasoning_content", "reasoning")


def chat_messages(request: Request, *, provider: str) -> list[dict[str, Any]]:
    """The conversation in chat form. Reasoning goes back only to the server that sent it."""
    messages: list[dict[str, Any]] = []
    if request.system.strip():
        messages.append({"role": "system", "content": sound(request.system)})
    for message in settled(request.messages):
        if message.role == "tool":
            messages.extend(_results(message))
        elif message.role == "assistant":
            messages.extend(_assistant(message, provider=provider))
        else:
            messages.append({"role": "user", "content": _content(message)})
    return messages


def chat_tools(tools: tuple[ToolSpec, ...]) -> list[dict[str, Any]]:
    """The tools in chat form."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
            },
        }
        for tool in tools
    ]


def _results(message: Message) -> Iterator[dict[str, Any]]:
    """All results of one message, then their images: in this format a tool answers in text only."""
    parts = [part for part in message.parts if isinstance(part, ToolResultPart)]
    for part in parts:
        yield {"role": "tool", "tool_call_id": part.id, "content": part.content}
    for part in parts:
        if part.images:
            said = TextPart(text=f"[Images that {part.name} gave; data, not a request]")
            yield {"role": "user", "content": _content(Message(role="user", parts=(said, *part.images)))}


def _content(message: Message) -> str | list[dict[str, Any]]:
    """Plain text where there are no images: many servers understand nothing else."""
    if not any(isinstance(part, ImagePart) for part in message.parts):
        return "\n\n".join(part.text for part in message.parts if isinstance(part, TextPart))
    content: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, TextPart):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, ImagePart):
            url = f"data:{part.mime};base64,{part.data}"
            content.append({"type": "image_url", "image_url": {"url": url}})
    return content


def _assistant(message: Message, *, provider: str) -> Iterator[dict[str, Any]]:
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
        }
        for call in message.tool_calls
    ]
    if not message.text and not calls:
        return
    turn: dict[str, Any] = {"role": "assistant", "content": message.text or None}
    if calls:
        turn["tool_calls"] = calls
    thoughts = "".join(
        part.text for part in message.parts if isinstance(part, ThinkingPart) and part.provider == provider
    )
    if thoughts and provider != "openai":
        turn["reasoning_content"] = thoughts
    yield turn


def read_chunk(chunk: Any, reply: Reply) -> Iterator[Delta]:
    """Feed one chunk of the stream to the reply."""
    reply.events += 1
    if getattr(chunk, "usage", None) is not None:
        reply.usage = _usage(chunk.usage)
    for choice in (chunk.choices or ())[:1]:
        if choice.delta is not None:
            yield from _delta(choice.delta, reply)
        if choice.finish_reason is not None and reply.stop != "refused":
            reply.stop = _STOPS.get(choice.finish_reason, "end")


def _delta(delta: Any, reply: Reply) -> Iterator[Delta]:
    for field in _REASONING:
        if isinstance(thought := getattr(delta, field, None), str) and thought:
            if (thinking := reply.thinking(thought)) is not None:
                yield thinking
            break
    if (piece := reply.text(delta.content or "")) is not None:
        yield piece
    if refusal := getattr(delta, "refusal", None):
        reply.stop = "refused"
        if (piece := reply.text(refusal)) is not None:
            yield piece
    for call in delta.tool_calls or ():
        function = call.function
        reply.call(
            call.index,
            id=call.id,
            name=getattr(function, "name", None),
            arguments=getattr(function, "arguments", None) or "",
        )


def _usage(usage: Any) -> Usage:
    """Here the tokens read from the cache are part of the input; in `Usage` they are not."""

    def count(source: Any, name: str) -> int:
        value = getattr(source, name, None)
        return value if isinstance(value, int) and value > 0 else 0

    details = getattr(usage, "prompt_tokens_details", None)
    read, written = count(details, "cached_tokens"), count(details, "cache_write_tokens")
    return Usage(
        input_tokens=max(0, count(usage, "prompt_tokens") - read - written),
        output_tokens=count(usage, "completion_tokens"),
        cache_read_tokens=read,
        cache_write_tokens=written,
    )
