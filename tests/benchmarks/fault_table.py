"""The table of provider faults: what comes of each one in each wire format, and what the person reads.

Run ``python tests/benchmarks/fault_table.py``; ``--step 20`` cuts streams at every 20th byte instead of at
each one. Every fault goes through the whole stack and the agent loop, against the scripted server: ``once``
is a fault that is over at the second try, ``always`` one that stays. Ends with 1 when anything was raised, or
when a tool was run whose call had not arrived whole.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from codemad_jupyter.gateway.provider import Request  # noqa: E402
from codemad_jupyter.gateway.router import Router  # noqa: E402
from codemad_jupyter.gateway.stack import Stack  # noqa: E402
from codemad_jupyter.orchestrator.loop import Outcome, run_loop  # noqa: E402
from codemad_jupyter.orchestrator.steering import Steering  # noqa: E402
from codemad_jupyter.orchestrator.tally import Limits, Tally  # noqa: E402
from codemad_jupyter.protocol.events import Event, Notice, TextDelta  # noqa: E402
from codemad_jupyter.protocol.messages import Message, ToolCallPart, ToolResultPart  # noqa: E402
from tests.gateway.calls import MODELS, TOOL, config_for, redactor_of  # noqa: E402
from tests.servers.model_server import ModelServer  # noqa: E402
from tests.servers.wire_formats import (  # noqa: E402
    Call,
    Turn,
    anthropic_frames,
    chat_frames,
    response_frames,
)

WIRES = {"Anthropic": ("anthropic", "auto"), "Responses": ("openai", "responses"), "chat": ("openai", "chat")}
FRAMES = {"Anthropic": anthropic_frames, "Responses": response_frames, "chat": chat_frames}
WHOLE = {"source": "df['a'].hist(bins=30)", "title": "Histogramm für a"}
TEXT = Turn(text="Here is a histogram of the column.", chunk=12)
CALLS = Turn(calls=(Call("replace_cell", WHOLE, id="c1"), Call("replace_cell", WHOLE, id="c2")), chunk=12)
GOOD = Turn(text="All good.")
SILENCE, TOTAL = 0.5, 4.0


@dataclass
class Row:
    """What came of one fault."""

    fault: str
    wire: str
    outcome: str
    sentence: str
    tools: int = 0
    half: int = 0
    raised: int = 0
    seconds: float = 0.0


@dataclass
class Seen:
    """What one run said and did."""

    events: list[Event] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    calls: list[tuple[ToolCallPart, ...]] = field(default_factory=list)
    outcome: Outcome | None = None
    error: Exception | None = None

    @property
    def half(self) -> int:
        """Tools that were run though their call, or one beside it, was not whole."""
        whole = [call.arguments == WHOLE for calls in self.calls for call in calls]
        return whole.count(False) + sum(len(calls) != 2 for calls in self.calls)

    @property
    def ran(self) -> int:
        return sum(map(len, self.calls))


class Bench:
    """The scripted server, and one router for each kind of settings, so that SDKs and connections stay."""

    def __init__(self, server: ModelServer) -> None:
        self.server = server
        self._routers: dict[str, Router] = {}

    async def close(self) -> None:
        for router in self._routers.values():
            await router.aclose()

    async def run(self, wire: str, *turns: Turn, silence: float = SILENCE, **changes: Any) -> Seen:
        """One prompt through the loop and the whole stack of wrappers."""
        seen = Seen()

        async def run_calls(calls: tuple[ToolCallPart, ...]) -> tuple[ToolResultPart, ...]:
            seen.calls.append(calls)
            return tuple(ToolResultPart(id=call.id, name=call.name, content="done") for call in calls)

        async def keep(message: Message) -> None:
            pass

        self.server.forget()
        self.server.play(*turns)
        model = MODELS[WIRES[wire][0]]
        request = Request(
            model=model, messages=(Message.user("Plot a"),), tools=(TOOL,), max_tokens=1000, timeout=silence
        )
        try:
            seen.outcome = await run_loop(
                request,
                self._router(wire, seen, changes).provider_for(model),
                run_calls=run_calls,
                fit=lambda request: request,  # these are small enough for any model
                emit=seen.events.append,
                keep=keep,
                tally=Tally(),
                limits=Limits(),
                steering=Steering(seen.events.append),
            )
        except Exception as error:
            seen.error = error
        return seen

    def _router(self, wire: str, seen: Seen, changes: dict[str, Any]) -> Router:
        async def sleep(seconds: float) -> None:
            seen.waits.append(seconds)

        key = f"{wire} {changes}"
        if key not in self._routers:
            config = config_for(self.server, openai_api=WIRES[wire][1], total_timeout=TOTAL, **changes)
            self._routers[key] = Router(config, redact=redactor_of(config))
        router = self._routers[key]
        # Each run begins with closed circuits: what is looked at is the fault, not the faults before it.
        router.stack = Stack(router.config, catalog=router.catalog, sleep=sleep)
        return router


def described(fault: str, wire: str, seen: Seen, begun: float) -> Row:
    """The row of one run."""
    retried = any(isinstance(event, Notice) and event.code == "retry" for event in seen.events)
    text = "".join(event.text for event in seen.events if isinstance(event, TextDelta))
    waited = f"waited {seen.waits[0]:.0f} s, tried again: " if retried and seen.waits else ""
    kept = f", {len(text)} letters kept" if text and seen.outcome and seen.outcome.status == "failed" else ""
    status = seen.outcome.status if seen.outcome is not None else "RAISED"
    said = seen.outcome.text if seen.outcome is not None else repr(seen.error)
    return Row(
        fault,
        wire,
        f"{waited}{status}{kept}",
        f"({len(text)} letters arrived)" if status == "done" else said,
        tools=seen.ran,
        half=seen.half,
        raised=seen.error is not None,
        seconds=time.monotonic() - begun,
    )


def statuses() -> dict[str, Turn]:
    """Faults that are one HTTP answer, or one stream."""
    date = formatdate(time.time() + 20, usegmt=True)
    limited = Turn(status=429, error="rate_limit_error")
    return {
        "429, retry-after 7 seconds": replace(limited, headers={"retry-after": "7"}),
        "429, retry-after a date in 20 s": replace(limited, headers={"retry-after": date}),
        "429, retry-after an hour": replace(limited, headers={"retry-after": "3600"}),
        "529": Turn(status=529, error="overloaded_error"),
        "500": Turn(status=500),
        "503": Turn(status=503),
        "stall before the first byte": Turn(hang=True),
        "stall in the stream": Turn(silence=True),
        "malformed SSE": Turn(raw="data: {oops\n\n"),
        "error inside a 200 stream, first": Turn(error="overloaded_error", error_after=1),
        "error inside a 200 stream, after text": replace(TEXT, error="overloaded_error", error_after=4),
        "HTML with 200": Turn(html=True),
        "empty reply": Turn(raw=""),
        "reply without content": Turn(),
        "wrong JSON arguments": Turn(calls=(CALLS.calls[0], Call("replace_cell", '{"source": "df.hi'))),
        "arguments with more after them": Turn(calls=(CALLS.calls[0], Call("replace_cell", "{} and more"))),
    }


async def answered(bench: Bench, wire: str) -> list[Row]:
    """The rows of all faults that are one answer, once and always."""
    rows = []
    for name, turn in statuses().items():
        for often, turns in (("once", (turn, GOOD)), ("always", (replace(turn, repeat=True),))):
            begun = time.monotonic()
            rows.append(described(f"{name}, {often}", wire, await bench.run(wire, *turns), begun))
    return rows


async def cut(bench: Bench, wire: str, turn: Turn, name: str, *, step: int) -> Row:
    """The stream cut at every byte, in the middle of HTTP and at its clean end; a second try is good."""
    size = len(b"".join(FRAMES[wire](turn, "m")))
    begun, ends, total = time.monotonic(), Counter[str](), Row(f"cut at each byte of {name}", wire, "", "")
    for offset in range(0, size, step):
        for clean in (False, True):
            broken = replace(turn, cut=offset, clean_cut=clean)
            seen = await bench.run(wire, broken, GOOD)
            row = described("", wire, seen, begun)
            kept = " with its text kept" if "kept" in row.outcome else ""
            ends[f"{row.outcome.partition(',')[0] if kept else row.outcome}{kept}"] += 1
            total.tools += row.tools
            total.half += row.half
            total.raised += row.raised
            if seen.outcome is not None and seen.outcome.status == "failed":
                total.sentence = seen.outcome.text
    total.outcome = "; ".join(f"{count} times {kind}" for kind, count in ends.most_common())
    total.seconds = time.monotonic() - begun
    return total


async def large(bench: Bench, wire: str) -> Row:
    begun = time.monotonic()
    turn = Turn(text="word " * 1_000_000, chunk=2_000)
    return described("5 MB reply", wire, await bench.run(wire, turn), begun)


@contextlib.asynccontextmanager
async def dribbling(wire: str) -> AsyncIterator[str]:
    """A server that sends a good stream at one byte a second."""
    body = b"".join(FRAMES[wire](TEXT, "m"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
            for byte in body:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def slow(bench: Bench, wire: str) -> Row:
    begun = time.monotonic()
    async with dribbling(wire) as url:
        urls = {"anthropic_base_url": url, "openai_base_url": f"{url}/v1"}
        seen = await bench.run(wire, silence=3, retry_cap=0, **urls)
    return described("one byte a second", wire, seen, begun)


async def refused(bench: Bench, wire: str) -> Row:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    begun = time.monotonic()
    seen = await bench.run(wire, anthropic_base_url=url, openai_base_url=f"{url}/v1")
    return described("connection refused", wire, seen, begun)


async def untrusted(bench: Bench, wire: str, certificate: Path) -> Row:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    listening = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with listening:
        url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        begun = time.monotonic()
        seen = await bench.run(wire, anthropic_base_url=url, openai_base_url=f"{url}/v1")
    return described("TLS error", wire, seen, begun)


def made_certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 signed by nobody; its key is beside it."""
    path = folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=x"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(path), "-keyout", str(folder / "key.pem")]
    subprocess.run([*command, *names], check=True, capture_output=True, timeout=60)
    return path


async def table(wires: Sequence[str], *, step: int) -> list[Row]:
    """All rows."""
    rows: list[Row] = []
    with ModelServer() as server, tempfile.TemporaryDirectory() as folder:
        bench = Bench(server)
        certificate = await asyncio.to_thread(made_certificate, Path(folder))
        for wire in wires:
            await bench.run(wire, GOOD)  # the SDK is loaded before anything is timed
            rows += await answered(bench, wire)
            rows.append(await refused(bench, wire))
            rows.append(await untrusted(bench, wire, certificate))
            rows.append(await cut(bench, wire, TEXT, "text", step=step))
            rows.append(await cut(bench, wire, CALLS, "tool calls", step=step))
            rows.append(await large(bench, wire))
            rows.append(await slow(bench, wire))
        await bench.close()
    return rows


def shown(row: Row) -> str:
    sentence = " ".join(row.sentence.split()).replace("|", "/")
    flaw = " HALF A CALL RUN" * bool(row.half) + " RAISED" * bool(row.raised)
    cells = (row.fault, row.wire, f"{row.outcome}{flaw}", str(row.tools), f"{row.seconds:.1f}", sentence)
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Print the table; 1 when something was raised or half executed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--step", type=int, default=1, help="bytes from one cut to the next (default: 1)")
    options.add_argument("--wire", choices=tuple(WIRES), action="append", help="only this format")
    options.add_argument("--json", action="store_true", help="print the rows as JSON")
    given = options.parse_args()
    rows = asyncio.run(table(given.wire or tuple(WIRES), step=given.step))
    if given.json:
        lines = [json.dumps([vars(row) for row in rows], indent=1)]
    else:
        lines = [shown(row) for row in sorted(rows, key=lambda row: row.fault)]
        heads = ("fault", "format", "outcome", "tools run", "s", "what the person reads")
        lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}", *lines]
    raised, half = sum(row.raised for row in rows), sum(row.half for row in rows)
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stderr.write(f"{len(rows)} rows, {raised} crashes, {half} half-executed tools\n")
    return 1 if raised or half else 0


if __name__ == "__main__":
    sys.exit(main())
