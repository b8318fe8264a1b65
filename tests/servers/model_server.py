"""A scripted model server: real HTTP with streaming on a free loopback port, no model behind it.

Owns which turn answers which request, and the record of all that was asked. HTTP is in `connection`, what
is said in `wire_formats`. In tests use the fixture of `plugin`; from a shell::

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
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.servers.connection import Connection, Recorded
from tests.servers.wire_formats import Turn
from tests.waiting import LIMIT


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
        self._going_on = asyncio.Event()
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

    def forget(self) -> None:
        """Throw away the turns that nobody asked for, and what was recorded."""
        with self._lock:
            self._turns.clear()
            self.requests.clear()

    def go_on(self) -> None:
        """Let the answer that is held go on."""
        self._loop.call_soon_threadsafe(self._going_on.set)

    async def told_to_go_on(self) -> None:
        self._going_on.clear()
        await self._going_on.wait()

    @property
    def asked(self) -> list[Recorded]:
        """The model calls among the requests."""
        return [request for request in self.requests if request.method == "POST"]

    def wait_for(self, condition: Callable[[ModelServer], bool], *, seconds: float = LIMIT) -> bool:
        """Wait until the condition holds of what was recorded; False when time is over."""
        with self._lock:
            return self._lock.wait_for(lambda: condition(self), timeout=seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(LIMIT):
            raise RuntimeError("The model server did not start in time")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(LIMIT)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        handlers: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(Connection(self, reader, writer).run())
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
        await asyncio.sleep(0)  # the transports say goodbye on the next turn of the loop

    def next_turn(self, request: Recorded) -> Turn:
        with self._lock:
            for position, turn in enumerate(self._turns):
                if turn.model and turn.model != request.model:
                    continue
                if turn.match and not re.search(turn.match, request.last_text):
                    continue
                return turn if turn.repeat else self._turns.pop(position)
            self.unscripted += 1
        return Turn(status=500, error="server_error", message="the script has no turn for this request")

    def record(self, request: Recorded) -> None:
        with self._lock:
            self.requests.append(request)
            self._lock.notify_all()

    def ended(self, request: Recorded, *, finished: bool) -> None:
        with self._lock:
            request.finished = finished
            if not finished:
                request.closed_at = time.monotonic()
            self._lock.notify_all()


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
