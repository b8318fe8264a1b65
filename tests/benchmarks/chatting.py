"""Chats of many people at once, over a real Jupyter server with the scripted model server behind it: what
`load` measures and `soak` keeps up. Each chat has a session and a socket of its own, as a browser tab has.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.server.processes import TOKEN, Running, running

MODEL = "compatible/scripted"
HEADERS = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
ANSWER = 180.0
"""Seconds without a word after which a chat counts as stuck."""
SENTENCE = "Here is what the column says, in a few plain words. "


@dataclass
class Figures:
    """What all chats saw. Times are in seconds."""

    acknowledged: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    spoken: list[float] = field(default_factory=list)
    latency: list[float] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """What runs said that were not done."""


@dataclass
class Sent:
    """A prompt on its way."""

    at: float
    first: float = 0.0
    spoken: float = 0.0


class Chat:
    """One person's chat."""

    def __init__(self, server: Running, figures: Figures, number: int) -> None:
        self.figures = figures
        self.session = ""
        self.acknowledged: list[str] = []
        """The prompts that the server took."""
        self._url = server.url
        self._number = number
        self._socket: WebSocketClientConnection | None = None
        self._seen = 0

    async def begin(self) -> None:
        """A session, and a socket that follows it."""
        self.session = (await self.command(type="new_session", title=f"chat {self._number}"))["session"]
        await self.connect()

    async def connect(self) -> None:
        """Open the socket, and follow the session from where it was left."""
        address = f"{self._url.replace('http', 'ws', 1)}/codemad/stream"
        self._socket = await websocket_connect(HTTPRequest(address, headers=HEADERS, connect_timeout=ANSWER))
        for frame in (
            {"type": "hello", "client": f"chat-{self._number}"},
            {"type": "subscribe", "session": self.session, "after": self._seen},
        ):
            await self._socket.write_message(json.dumps(frame))

    def cut(self) -> None:
        """Lose the socket, as a laptop that sleeps does."""
        if self._socket is not None:
            self._socket.close()

    async def command(self, **command: Any) -> dict[str, Any]:
        """Give a command; what the server answers."""
        request = HTTPRequest(
            f"{self._url}/codemad/commands",
            method="POST",
            headers=HEADERS,
            body=json.dumps(command),
            connect_timeout=ANSWER,
            request_timeout=ANSWER,
        )
        answer: dict[str, Any] = json.loads((await AsyncHTTPClient().fetch(request)).body)
        return answer

    async def ask(self, text: str, **more: Any) -> str:
        """Put a prompt and follow its run; how it ended."""
        sent = Sent(time.perf_counter())
        prompt = {"type": "prompt", "session": self.session, "text": text, "model": MODEL, **more}
        asking = asyncio.create_task(self.command(**prompt))
        asking.add_done_callback(lambda _: self._took(sent, asking))
        end = await self._follow(sent)
        await asking
        self.acknowledged.append(text)
        self.figures.first.append(sent.first - sent.at)
        if sent.spoken:
            self.figures.spoken.append(sent.spoken - sent.at)
        self.figures.ends[end] += 1
        return end

    def _took(self, sent: Sent, asking: asyncio.Task[dict[str, Any]]) -> None:
        if not asking.cancelled() and asking.exception() is None:
            self.figures.acknowledged.append(time.perf_counter() - sent.at)

    async def _follow(self, sent: Sent) -> str:
        """Read events up to the run's end."""
        while True:
            event = await self.event()
            self.figures.latency.append(time.time() - event["at"])
            sent.first = sent.first or time.perf_counter()
            if event["type"] == "text_delta":
                sent.spoken = sent.spoken or time.perf_counter()
            if event["type"] == "run_finished":
                if event["status"] != "done":
                    self.figures.reasons[event["text"][:100]] += 1
                return str(event["status"])

    async def event(self) -> dict[str, Any]:
        """The next event of the session; a lost socket is opened again."""
        while True:
            assert self._socket is not None
            text = await asyncio.wait_for(self._socket.read_message(), ANSWER)
            if text is None:
                self.figures.errors["socket lost"] += 1
                await self.connect()
                continue
            frame: dict[str, Any] = json.loads(text)
            if frame["type"] == "stream_error":
                self.figures.errors[f"stream: {frame['error']['message']}"] += 1
            if frame["type"] == "event":
                event: dict[str, Any] = frame["event"]
                self._seen = max(self._seen, event["seq"])
                return event


@contextlib.contextmanager
def model_process(turns: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The scripted model server in a process of its own; its base URL."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.json"
        script.write_text(json.dumps({"turns": list(turns)}), "utf-8")
        command = [sys.executable, "-m", "tests.servers.model_server", "--script", str(script)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().strip()
            finally:
                process.terminate()


@contextlib.contextmanager
def jupyter(folder: Path, model: str, **settings: str) -> Iterator[Running]:
    """A Jupyter server in a process of its own that asks that model."""
    own = {
        "CODEMAD_COMPATIBLE_BASE_URL": f"{model}/v1",
        "CODEMAD_COMPATIBLE_MODELS": "scripted",
        "CODEMAD_MODEL": MODEL,
        "CODEMAD_INDEX": "false",
        **settings,
    }
    with running(folder, env=own) as server:
        yield server


def memory_of(pid: int) -> tuple[float, float]:
    """Resident megabytes of a process, now and at most."""
    text = Path(f"/proc/{pid}/status").read_text()
    now, most = (int(text.partition(f"{name}:")[2].split()[0]) / 1000 for name in ("VmRSS", "VmHWM"))
    return now, most


def share(values: Sequence[float], percent: int) -> float:
    """That percentile; 0 of nothing."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def load_average() -> str:
    """What else this machine did in the last minute."""
    return f"{os.getloadavg()[0]:.1f}"
