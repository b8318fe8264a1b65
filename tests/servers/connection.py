"""One HTTP connection of the scripted model server: reads requests, writes turns, sees the client go.

Which turn answers which request is the business of `model_server`; what is said, of `wire_formats`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.servers.wire_formats import (
    Turn,
    anthropic_frames,
    chat_frames,
    embeddings_body,
    error_body,
    error_frame,
    gemini_frames,
    response_frames,
)

_WIRES = {
    "/messages": "anthropic",
    ":streamRawPredict": "anthropic",
    "/chat/completions": "chat",
    "/responses": "responses",
    "/embeddings": "embeddings",
    ":streamGenerateContent": "gemini",
}
_PAGE = "<!doctype html><html><title>Sign in</title><body>Please sign in.</body></html>"


@dataclass
class Recorded:
    """One request as it arrived, and whether the client went away before its answer was complete."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float = field(default_factory=time.monotonic)
    finished: bool = False
    closed_at: float | None = None

    @property
    def key(self) -> str:
        return self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")

    @property
    def model(self) -> str:
        """The model that is asked, which some wire formats name in the path."""
        return str(self.body.get("model") or self.path.rpartition("/")[2].partition(":")[0])

    @property
    def last_text(self) -> str:
        """The text of the last user message, whatever the wire format."""
        body = self.body
        for message in reversed(body.get("messages") or body.get("input") or body.get("contents") or []):
            if message.get("role") != "user":
                continue
            content = message.get("content") or message.get("parts") or []
            if isinstance(content, str):
                return content
            texts = [part["text"] for part in content if isinstance(part, dict) and "text" in part]
            if texts:
                return str(texts[-1])
        return ""


class Script(Protocol):
    """What a connection asks of the server."""

    models: tuple[str, ...]

    def record(self, request: Recorded) -> None: ...

    def next_turn(self, request: Recorded) -> Turn: ...

    def ended(self, request: Recorded, *, finished: bool) -> None: ...


class Connection:
    """One connection of a client, which may carry many requests."""

    def __init__(self, server: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._early = b""

    async def run(self) -> None:
        try:
            while (request := await self._read()) is not None:
                self._server.record(request)
                if not await self._answer_or_see_it_close(request):
                    break
            self._writer.close()
            await self._writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            self._writer.transport.abort()

    async def _read(self) -> Recorded | None:
        try:
            head = self._early + await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        self._early = b""
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        raw = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Recorded(method, path.partition("?")[0], headers, json.loads(raw) if raw else {})

    async def _answer_or_see_it_close(self, request: Recorded) -> bool:
        """Whether the connection can go on. A byte that arrives meanwhile begins the next request."""
        answer = asyncio.ensure_future(self._answer(request))
        watch = asyncio.ensure_future(self._reader.read(1))
        try:
            await asyncio.wait({answer, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done() and not watch.result():
                self._server.ended(request, finished=False)
                return False
            keep = await answer
            self._server.ended(request, finished=True)
            return keep
        except ConnectionError:
            self._server.ended(request, finished=False)
            return False
        finally:
            for task in (answer, watch):
                task.cancel()
            await asyncio.gather(answer, watch, return_exceptions=True)
            if not watch.cancelled() and watch.exception() is None:
                self._early = watch.result()

    async def _answer(self, request: Recorded) -> bool:
        if request.method == "GET":
            return await self._list(request.path)
        wire = next((wire for end, wire in _WIRES.items() if request.path.endswith(end)), "")
        if not wire:
            await self._plain(404, json.dumps({"error": {"message": f"no route {request.path}"}}))
            return True
        turn = self._server.next_turn(request)
        await asyncio.sleep(turn.first_delay)
        if turn.hang:
            await asyncio.sleep(3600)
        if turn.status != 200 or turn.body is not None:
            body = turn.body
            if body is None:
                body = json.dumps(error_body(wire, kind=turn.error, message=turn.message))
            body = body.replace("{key}", request.key)
            await self._plain(turn.status, body, headers=turn.headers)
            return True
        if wire == "embeddings" and turn.raw is None and not turn.html:
            await self._plain(200, json.dumps(embeddings_body(request.body["input"])))
            return True
        if turn.html:
            await self._plain(200, _PAGE, kind="text/html; charset=utf-8")
            return True
        return await self._stream(turn, _frames(turn, wire, request.model))

    async def _list(self, path: str) -> bool:
        if path == "/api/tags":
            found: Any = {"models": [{"name": name, "model": name} for name in self._server.models]}
        elif path.endswith("/models"):
            data = [{"id": name, "object": "model", "created": 1} for name in self._server.models]
            found = {"object": "list", "data": data}
        else:
            await self._plain(404, "{}")
            return True
        await self._plain(200, json.dumps(found))
        return True

    async def _plain(
        self, status: int, body: str, *, kind: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        raw = body.encode("utf-8", "surrogatepass")
        head = {"content-type": kind, "content-length": str(len(raw)), **(headers or {})}
        self._writer.write(_head(status, head) + raw)
        await self._writer.drain()

    async def _stream(self, turn: Turn, frames: Iterator[bytes]) -> bool:
        """Whether the stream came to its end. To HTTP a clean cut looks like an end."""
        framing = {"connection": "close"} if turn.clean_cut else {"transfer-encoding": "chunked"}
        self._writer.write(_head(200, {"content-type": "text/event-stream", **framing, **turn.headers}))
        await self._writer.drain()
        if turn.silence:
            await asyncio.sleep(3600)
        left = turn.cut
        for number, frame in enumerate(frames):
            if number == turn.held_at:
                await self._server.told_to_go_on()
            kept = frame if left is None else frame[:left]
            self._writer.write(
                kept if turn.clean_cut else b"%x\r\n%b\r\n" % (len(kept), kept) if kept else b""
            )
            await self._writer.drain()
            if left is not None:
                left -= len(kept)
                if left <= 0:
                    return False
            if turn.delay:
                await asyncio.sleep(turn.delay)
        if turn.clean_cut:
            return False
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()
        return True


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode("latin-1")


def _frames(turn: Turn, wire: str, model: str) -> Iterator[bytes]:
    if turn.raw is not None:
        yield turn.raw.encode("utf-8", "surrogateescape")
        return
    makers = {
        "anthropic": anthropic_frames,
        "chat": chat_frames,
        "responses": response_frames,
        "gemini": gemini_frames,
    }
    for number, frame in enumerate(makers[wire](turn, model)):
        if number == turn.error_after:
            yield error_frame(wire, kind=turn.error, message=turn.message)
            return
        yield frame
