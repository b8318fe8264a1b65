"""What the scripted model server says, in four wire formats: Anthropic Messages, OpenAI chat completions,
OpenAI Responses and Gemini. Pure: a turn goes in, the frames of its stream come out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Call:
    """A tool call. ``arguments`` is an object, or a string that is sent as it is, however broken."""

    name: str
    arguments: Any = field(default_factory=dict)
    id: str = ""

    @property
    def raw(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True)
class Turn:
    """One answer of the model, and how it goes wrong if it does.

    ``model`` and ``match`` (a pattern searched in the last user message) reserve the turn for the requests
    they fit; ``repeat`` lets it serve for ever. Before its frame number ``held_at`` an answer waits until the
    test says `ModelServer.go_on`.
    """

    text: str = ""
    thinking: str = ""
    signature: str = "c2lnbmVk"
    redacted: str = ""
    calls: tuple[Call, ...] = ()
    usage: dict[str, int] = field(default_factory=dict)
    stop: str | None = None
    chunk: int = 16
    reasoning_field: str = "reasoning_content"

    model: str = ""
    match: str = ""
    repeat: bool = False

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    error: str = ""
    message: str = "scripted failure"
    error_after: int | None = None
    body: str | None = None
    html: bool = False
    raw: str | None = None
    first_delay: float = 0.0
    delay: float = 0.0
    held_at: int | None = None
    cut: int | None = None
    clean_cut: bool = False
    silence: bool = False
    hang: bool = False

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Turn:
        """The turn a script file describes; an unknown field is an error."""
        known = {entry.name for entry in fields(cls)}
        if unknown := set(value) - known:
            raise ValueError(f"A turn has no field {', '.join(sorted(unknown))}")
        calls = tuple(Call(**call) for call in value.get("calls", ()))
        return cls(**{**value, "calls": calls})

    def named_calls(self) -> list[tuple[str, Call]]:
        """The calls with an id each."""
        return [(call.id or f"call_{number}", call) for number, call in enumerate(self.calls)]

    def tokens(self, name: str, default: int) -> int:
        return self.usage.get(name, default)


def sliced(text: str, size: int) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def sse(data: Any, *, event: str = "") -> bytes:
    head = f"event: {event}\n" if event else ""
    text = data if isinstance(data, str) else json.dumps(data)
    return f"{head}data: {text}\n\n".encode()


def anthropic_frames(turn: Turn, model: str) -> Iterator[bytes]:
    """A Messages stream, from message_start to message_stop."""

    def event(kind: str, **body: Any) -> bytes:
        return sse({"type": kind, **body}, event=kind)

    usage = {
        "input_tokens": turn.tokens("input", 10),
        "output_tokens": 1,
        "cache_read_input_tokens": turn.tokens("cache_read", 0),
        "cache_creation_input_tokens": turn.tokens("cache_write", 0),
    }
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": []}
    yield event("message_start", message={**head, "stop_reason": None, "stop_sequence": None, "usage": usage})
    yield event("ping")
    for index, (block, deltas) in enumerate(_anthropic_blocks(turn)):
        yield event("content_block_start", index=index, content_block=block)
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    stop = turn.stop or ("tool_use" if turn.calls else "end_turn")
    delta = {"stop_reason": stop, "stop_sequence": None}
    yield event("message_delta", delta=delta, usage={"output_tokens": turn.tokens("output", 5)})
    yield event("message_stop")


def _anthropic_blocks(turn: Turn) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    if turn.thinking:
        deltas = [
            {"type": "thinking_delta", "thinking": piece} for piece in sliced(turn.thinking, turn.chunk)
        ]
        deltas.append({"type": "signature_delta", "signature": turn.signature})
        yield {"type": "thinking", "thinking": "", "signature": ""}, deltas
    if turn.redacted:
        yield {"type": "redacted_thinking", "data": turn.redacted}, []
    if turn.text:
        yield (
            {"type": "text", "text": ""},
            [{"type": "text_delta", "text": piece} for piece in sliced(turn.text, turn.chunk)],
        )
    for id, call in turn.named_calls():
        pieces = sliced(call.raw, turn.chunk) if call.raw != "{}" else ()
        yield (
            {"type": "tool_use", "id": id, "name": call.name, "input": {}},
            [{"type": "input_json_delta", "partial_json": piece} for piece in pieces],
        )


def chat_frames(turn: Turn, model: str, *, usage: bool = True) -> Iterator[bytes]:
    """A chat completions stream, to [DONE]."""

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        return sse({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    yield chunk({"role": "assistant", "content": ""})
    for piece in sliced(turn.thinking, turn.chunk):
        yield chunk({turn.reasoning_field: piece})
    for piece in sliced(turn.text, turn.chunk):
        yield chunk({"content": piece})
    for index, (id, call) in enumerate(turn.named_calls()):
        first = {"id": id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        yield chunk({"tool_calls": [{"index": index, **first}]})
        for piece in sliced(call.raw, turn.chunk):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, turn.stop or ("tool_calls" if turn.calls else "stop"))
    if usage:
        counts = {
            "prompt_tokens": turn.tokens("input", 10) + turn.tokens("cache_read", 0),
            "completion_tokens": turn.tokens("output", 5),
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": turn.tokens("cache_read", 0)},
        }
        yield sse({**head, "choices": [], "usage": counts})
    yield sse("[DONE]")


def response_frames(turn: Turn, model: str) -> Iterator[bytes]:
    """A Responses stream, from response.created to response.completed."""
    number = iter(range(1_000_000_000))

    def event(kind: str, **body: Any) -> bytes:
        return sse({"type": kind, "sequence_number": next(number), **body}, event=kind)

    yield event("response.created", response=_response(turn, model, status="in_progress"))
    for index, (item, deltas) in enumerate(_response_items(turn)):
        yield event("response.output_item.added", output_index=index, item={**item, "status": "in_progress"})
        for kind, delta in deltas:
            place = {"item_id": item["id"], "output_index": index, "content_index": 0, "summary_index": 0}
            yield event(kind, delta=delta, **place)
        yield event("response.output_item.done", output_index=index, item=item)
    status = "incomplete" if turn.stop in ("max_output_tokens", "content_filter") else "completed"
    yield event(f"response.{status}", response=_response(turn, model, status=status))


def _response(turn: Turn, model: str, *, status: str) -> dict[str, Any]:
    read, fresh, out = turn.tokens("cache_read", 0), turn.tokens("input", 10), turn.tokens("output", 5)
    usage = {
        "input_tokens": fresh + read,
        "input_tokens_details": {"cached_tokens": read, "cache_write_tokens": 0},
        "output_tokens": out,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": fresh + read + out,
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": model,
        "status": status,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": {"reason": turn.stop} if status == "incomplete" else None,
        "usage": None if status == "in_progress" else usage,
    }


def _response_items(turn: Turn) -> Iterator[tuple[dict[str, Any], list[tuple[str, str]]]]:
    if turn.thinking:
        summary = [{"type": "summary_text", "text": turn.thinking}]
        item = {"id": "rs_1", "type": "reasoning", "summary": summary, "encrypted_content": turn.signature}
        kind = "response.reasoning_summary_text.delta"
        yield item, [(kind, piece) for piece in sliced(turn.thinking, turn.chunk)]
    if turn.text:
        content = [{"type": "output_text", "text": turn.text, "annotations": []}]
        item = {"id": "msg_1", "type": "message", "role": "assistant", "content": content}
        kind = "response.output_text.delta"
        yield {**item, "status": "completed"}, [(kind, piece) for piece in sliced(turn.text, turn.chunk)]
    for id, call in turn.named_calls():
        item = {"id": f"fc_{id}", "type": "function_call", "call_id": id, "name": call.name}
        kind = "response.function_call_arguments.delta"
        pieces = [(kind, piece) for piece in sliced(call.raw, turn.chunk)]
        yield {**item, "arguments": call.raw, "status": "completed"}, pieces


def gemini_frames(turn: Turn, model: str) -> Iterator[bytes]:
    """A stream of generated content, whose last frame says why it ends."""
    texts = [{"text": piece, "thought": True} for piece in sliced(turn.thinking, turn.chunk)]
    texts += [{"text": piece} for piece in sliced(turn.text, turn.chunk)]
    calls = [
        {"functionCall": {"id": id, "name": call.name, "args": call.arguments}}
        for id, call in turn.named_calls()
    ]
    fresh, out = turn.tokens("input", 10), turn.tokens("output", 5)
    usage = {"promptTokenCount": fresh, "candidatesTokenCount": out, "totalTokenCount": fresh + out}
    for part in [*texts, *calls]:
        content = {"role": "model", "parts": [part]}
        yield sse({"candidates": [{"index": 0, "content": content}], "modelVersion": model})
    last = {"index": 0, "content": {"role": "model", "parts": []}, "finishReason": turn.stop or "STOP"}
    yield sse({"candidates": [last], "usageMetadata": usage, "modelVersion": model})


def error_body(wire: str, *, kind: str, message: str) -> dict[str, Any]:
    """The body of an HTTP error."""
    if wire == "anthropic":
        return {"type": "error", "error": {"type": kind or "api_error", "message": message}}
    return {
        "error": {"message": message, "type": kind or "server_error", "param": None, "code": kind or None}
    }


def error_frame(wire: str, *, kind: str, message: str) -> bytes:
    """An error inside a stream that began well."""
    if wire == "responses":
        body = {"type": "error", "code": kind, "message": message, "param": None, "sequence_number": 99}
        return sse(body, event="error")
    body = error_body(wire, kind=kind, message=message)
    return sse(body, event="error" if wire == "anthropic" else "")


def embeddings_body(texts: list[str]) -> dict[str, Any]:
    """A vector for each text: its length and its first letter. The last one comes first, as is allowed."""
    data = [
        {"object": "embedding", "index": index, "embedding": [float(len(text)), float(ord(text[:1] or " "))]}
        for index, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": sum(map(len, texts)), "total_tokens": sum(map(len, texts))}
    return {"object": "list", "model": "m", "data": data[::-1], "usage": usage}
