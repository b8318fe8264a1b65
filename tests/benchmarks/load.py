"""The load that one server carries: many chats at once, each asking one prompt after the other.

Run ``python -m tests.benchmarks.load``; ``--chats 50 --prompts 10 --think 2``. A real Jupyter server in a
process of its own, the scripted model server (no time to think) in another, and the people in this one.
Prints a table against the targets, with the machine's load beside it, and ends with 1 when one is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient

from tests.benchmarks.bench_server_start import cpu_seconds
from tests.benchmarks.chatting import (
    SENTENCE,
    Chat,
    Figures,
    jupyter,
    load_average,
    memory_of,
    model_process,
    share,
)
from tests.server.processes import Running

MANY, FEW = 50, 10
ANSWER = {"text": SENTENCE * 8, "chunk": 16, "repeat": True}


@dataclass(frozen=True)
class Line:
    """A line of the table; where ``met`` is None nothing was promised."""

    what: str
    figure: str
    target: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Given:
    """How it is asked."""

    prompts: int
    think: float
    seed: int = 1


async def people(server: Running, chats: int, given: Given) -> tuple[Figures, float]:
    """What so many people saw, and the seconds it took."""
    AsyncHTTPClient.configure(None, max_clients=chats + 10)
    figures, dice = Figures(), random.Random(given.seed)
    everybody = [Chat(server, figures, number) for number in range(chats)]
    for chat in everybody:
        await chat.begin()
    begun = time.perf_counter()
    pauses = [[dice.uniform(0, given.think) for _ in range(given.prompts)] for _ in everybody]
    async with asyncio.TaskGroup() as group:
        for chat, own in zip(everybody, pauses, strict=True):
            group.create_task(_one(chat, own))
    return figures, time.perf_counter() - begun


async def _one(chat: Chat, pauses: list[float]) -> None:
    for number, pause in enumerate(pauses):
        await asyncio.sleep(pause)
        try:
            await chat.ask(f"What does the column say? {number}")
        except Exception as error:  # counted: the others go on
            chat.figures.errors[f"{type(error).__name__}: {error}"] += 1
    chat.cut()


def table(chats: int, figures: Figures, *, megabytes: float, seconds: float) -> list[Line]:
    """The figures against what was promised of so many chats."""
    failed = figures.errors.total() + figures.ends.total() - figures.ends["done"]
    took, first, late = (share(each, 95) for each in (figures.acknowledged, figures.first, figures.latency))
    many, few = chats >= MANY, chats <= FEW
    return [
        Line("runs", f"{figures.ends.total()} in {seconds:.0f} s"),
        Line("errors", f"{failed} {dict(figures.errors) or ''}", "0", failed == 0),
        _line("acknowledged, p95", took, 0.5, promised=many),
        _line("first event, p95", first, 2.0, promised=many),
        _line("first word of the model, p95", share(figures.spoken, 95), 0, promised=False),
        _line("event latency, p95", late, 0.1, promised=few),
        _line("event latency, p50", share(figures.latency, 50), 0, promised=False),
        Line("server's memory, most", f"{megabytes:.0f} MB", "under 1000 MB", megabytes < 1000),
    ]


def _line(what: str, seconds: float, limit: float, *, promised: bool) -> Line:
    figure = f"{seconds * 1e3:.0f} ms"
    return (
        Line(what, figure, f"under {limit * 1e3:.0f} ms", seconds < limit) if promised else Line(what, figure)
    )


def drawn(lines: list[Line]) -> str:
    """The table as text."""
    words = {True: "met", False: "MISSED", None: ""}
    return "".join(f"  {one.what:30} {one.figure:>18}  {one.target:16} {words[one.met]}\n" for one in lines)


def measure(chats: int, given: Given) -> bool:
    """Print the table for so many chats; whether all targets are met."""
    with (
        tempfile.TemporaryDirectory() as folder,
        model_process([ANSWER]) as model,
        jupyter(Path(folder), model) as server,
    ):
        asyncio.run(people(server, 1, Given(1, 0)))  # the engine is built, and what is heavy imported
        before = load_average()
        busy = cpu_seconds(server.process.pid)
        figures, seconds = asyncio.run(people(server, chats, given))
        lines = table(chats, figures, megabytes=memory_of(server.process.pid)[1], seconds=seconds)
        worked = (cpu_seconds(server.process.pid) - busy) / max(figures.ends.total(), 1)
        lines.append(Line("server's processor time, a run", f"{worked * 1e3:.0f} ms"))
    head = f"{chats} chats, {given.prompts} prompts each, up to {given.think:g} s between them"
    sys.stdout.write(f"{head}; load average {before} before, {load_average()} after\n{drawn(lines)}")
    sys.stdout.flush()
    return all(line.met is not False for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--chats", type=int, nargs="+", default=[FEW, MANY], help="how many at once")
    parser.add_argument("--prompts", type=int, default=10, help="prompts of each chat")
    parser.add_argument("--think", type=float, default=4.0, help="most seconds between two prompts")
    options = parser.parse_args()
    given = Given(options.prompts, options.think)
    return 0 if all([measure(chats, given) for chats in options.chats]) else 1


if __name__ == "__main__":
    sys.exit(main())
