"""A scripted model server: real HTTP with streaming on a free loopback port, no model behind it.

Owns the HTTP side: which turn answers which request, delays, cuts, silence, and the record of all that
was asked. What is said is in `wire_formats`. In tests use the fixture of `plugin`; from a shell::

    python tests/servers/model_server.py --script script.json

where the file holds ``{"turns": [{"text": "Hello"}, {"status": 529, "error": "overloaded_error"}]}``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.servers.wire_formats import (
    Turn,
    anthropic_frames,
    chat_frames,
    error_body,
    error_frame,
    response_frames,
)

_WIRES = {"/messages": "anthropic", "/chat/completions": "chat", "/responses": "responses"}
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
    def last_text(self) -> str:
        """The text of the last user message, whatever the wire format."""
        for message in reversed(self.body.get("messages") or self.body.get("input") or []):
            if message.get("role") != "user":
                continue
            content = message["content"]
            if isinstance(content, str):
                return content
            texts = [part["text"] for part in content if isinstance(part, dict) and "text" in part]
            if texts:
                return str(texts[-1])
        return ""


class ModelServer:
    """Runs in a thread of its own, so plain tests, asyncio tests and other processes can all use it."""

    def __init__(self, turns: Iterable[Turn] = (), *, models: tuple[str, ...] = ("scripted",)) -> None:
        self.requests: list[Recorded] = []
        self.unscripted = 0
        self.models = models
        self._turns = list(turns)
        self._lock = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model-server", daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        """The base URL for Anthropic and for Ollama."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        """The base URL for OpenAI and compatible clients."""
        return f"{self.url}/v1"

    def play(self, *turns: Turn) -> None:
        """Add turns to the end of the script."""
        with self._lock:
            self._turns.extend(turns)

    @property
    def asked(self) -> list[Recorded]:
        """The model calls among the requests."""
        return [request for request in self.requests if request.method == "POST"]

    def wait_for(self, condition: Callable[[ModelServer], bool], *, seconds: float = 10.0) -> bool:
        """Wait until the condition holds of what was recorded; False when time is over."""
        with self._lock:
            return self._lock.wait_for(lambda: condition(self), timeout=seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("The model server did not start within 10 s")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        handlers: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(_Connection(self, reader, writer).run())
            handlers.add(task)
            task.add_done_callback(handlers.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)

    def _next_turn(self, request: Recorded) -> Turn:
        with self._lock:
            for position, turn in enumerate(self._turns):
                if turn.model and turn.model != request.body.get("model"):
                    continue
                if turn.match and not re.search(turn.match, request.last_text):
                    continue
                return turn if turn.repeat else self._turns.pop(position)
            self.unscripted += 1
        return Turn(status=500, error="server_error", message="the script has no turn for this request")

    def _record(self, request: Recorded) -> None:
        with self._lock:
            self.requests.append(request)
            self._lock.notify_all()

    def _ended(self, request: Recorded, *, finished: bool) -> None:
        with self._lock:
            request.finished = finished
            if not finished:
                request.closed_at = time.monotonic()
            self._lock.notify_all()


class _Connection:
    """One connection of a client, which may carry many requests."""

    def __init__(
        self, server: ModelServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._early = b""

    async def run(self) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while (request := await self._read()) is not None:
                self._server._record(request)
                if not await self._answer_or_see_it_close(request):
                    break
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

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
                self._server._ended(request, finished=False)
                return False
            keep = await answer
            self._server._ended(request, finished=True)
            return keep
        except ConnectionError:
            self._server._ended(request, finished=False)
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
        turn = self._server._next_turn(request)
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
        if turn.html:
            await self._plain(200, _PAGE, kind="text/html; charset=utf-8")
            return True
        return await self._stream(turn, _frames(turn, wire, request.body.get("model", "")))

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
        for frame in frames:
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
    makers = {"anthropic": anthropic_frames, "chat": chat_frames, "responses": response_frames}
    for number, frame in enumerate(makers[wire](turn, model)):
        if number == turn.error_after:
            yield error_frame(wire, kind=turn.error, message=turn.message)
            return
        yield frame


def read_script(path: Path) -> list[Turn]:
    """The turns of a script file."""
    value = json.loads(path.read_text("utf-8"))
    return [Turn.from_json(turn) for turn in (value["turns"] if isinstance(value, dict) else value)]


def main() -> None:
    """Serve a script until the standard input closes or the process is interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--script", type=Path, required=True, help="JSON file with the turns")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; a free one by default")
    options = parser.parse_args()
    server = ModelServer(read_script(options.script))
    server.port = options.port
    with server, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
