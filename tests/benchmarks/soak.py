"""A soak with faults: many chats for a while, over one real server, while things go wrong around them.

Run ``python -m tests.benchmarks.soak --seconds 300``. The model drops lines, answers 500 and 529, sends
rubbish and is slow; sockets are cut; the kernel that prompts look into is killed; a session is renamed as
fast as the store takes it, and backups are made meanwhile. Then it is looked whether every prompt that was
acknowledged is there exactly once, whether each run has one end, and what memory, descriptors and threads
came to. Ends with 1 when anything was lost or grew. The seed says which faults came when.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from tests.benchmarks.chatting import (
    ANSWER,
    HEADERS,
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

GOOD = {"text": SENTENCE * 4, "chunk": 16}
FAULTS: dict[str, dict[str, Any]] = {
    "drops": {**GOOD, "cut": 6},
    "answers 500": {"status": 500, "error": "server_error"},
    "is overloaded": {"status": 529, "error": "overloaded_error"},
    "is slow": {**GOOD, "delay": 0.1},
    "sends rubbish": {"raw": "data: {broken\n\n"},
}
ENDS = {"done", "failed", "cancelled"}
DESCRIPTORS = 60
GROWTH = 150.0
"""Megabytes by which the server may grow once it is warm, whatever it keeps for the sessions it has."""


@dataclass
class State:
    """What the soak does and has seen."""

    server: Running
    dice: random.Random
    until: float = 0.0
    figures: Figures = field(default_factory=Figures)
    faults: Counter[str] = field(default_factory=Counter)
    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    kernel: str | None = None
    """The kernel that prompts look into."""

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.until


def script() -> list[dict[str, Any]]:
    """Each fault answers the prompts that name it; all others get the good answer."""
    named = [{**turn, "match": f"\\[{name}\\]$", "repeat": True} for name, turn in FAULTS.items()]
    return [*named, {**GOOD, "repeat": True}]


async def chatting(state: State, number: int) -> None:
    """One person who goes on whatever happens."""
    chat = Chat(state.server, state.figures, number)
    await chat.begin()
    count = 0
    while not state.over:
        count += 1
        fault = state.dice.choice([*FAULTS, *["none"] * 25])
        if fault != "none":
            state.faults[f"model {fault}"] += 1
        text = f"chat {number} prompt {count} [{fault}]"
        try:
            end = await chat.ask(text, target={"kernel": state.kernel})
        except Exception as error:  # counted: a soak goes on
            state.wrong.append(f"{type(error).__name__} at {text}: {error}")
            with contextlib.suppress(Exception):
                await chat.connect()
            continue
        state.acknowledged.append((chat.session, text))
        if end not in ENDS:
            state.wrong.append(f"a run ended as {end}")
        await asyncio.sleep(state.dice.uniform(0, 0.5))
        if state.dice.random() < 0.1:
            state.faults["socket cut"] += 1
            chat.cut()
            await chat.connect()
    chat.cut()


async def killing_kernels(state: State) -> None:
    """Kernels are started, and killed while they run."""
    while not state.over:
        kernel = await _ask(state, "api/kernels", body="{}")
        state.kernel = str(kernel["id"])
        pid = await asyncio.to_thread(_kernel_process, state.server.process.pid)
        await asyncio.sleep(state.dice.uniform(0.5, 3))
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                psutil.Process(pid).send_signal(signal.SIGKILL)
            state.faults["kernel killed"] += 1
        await asyncio.sleep(1)
        with contextlib.suppress(HTTPClientError):
            await _ask(state, f"api/kernels/{kernel['id']}", method="DELETE")


async def writing(state: State) -> None:
    """The store's writer gets work from another side all the time, and a backup now and then."""
    chat, count = Chat(state.server, state.figures, -1), 0
    made = await chat.command(type="new_session", title="writer")
    while not state.over:
        count += 1
        await chat.command(type="rename_session", session=made["session"], title=f"writer {count}")
        if count % 200 == 0:
            answer = await _ask(state, "codemad/storage/backup", body="{}")
            await asyncio.to_thread(Path(answer["file"]).unlink)
            state.faults["backup under load"] += 1
        await asyncio.sleep(0.02)
    state.faults["writes beside"] += count


async def watching(state: State, figures: list[tuple[float, int, int]]) -> None:
    """Note memory, descriptors and threads."""
    process = psutil.Process(state.server.process.pid)
    while not state.over:
        now = memory_of(process.pid)[0]
        figures.append((now, process.num_fds(), process.num_threads()))
        await asyncio.sleep(2)


async def _ask(state: State, path: str, *, body: str | None = None, method: str = "POST") -> dict[str, Any]:
    answer = await AsyncHTTPClient().fetch(
        f"{state.server.url}/{path}", method=method, headers=HEADERS, body=body, request_timeout=ANSWER
    )
    found: dict[str, Any] = json.loads(answer.body or b"{}")
    return found


def _kernel_process(server: int) -> int | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(server).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any("ipykernel" in word for word in child.cmdline()):
                    return child.pid
    return None


def looked_after(state: State) -> list[str]:
    """What the server has of all that was acknowledged, and what is wrong with it."""
    wrong = list(state.wrong)
    wanted: dict[str, list[str]] = {}
    for session, text in state.acknowledged:
        wanted.setdefault(session, []).append(text)
    for session, texts in wanted.items():
        events = state.server.ask(f"codemad/sessions/{session}/events")["events"]
        prompts = Counter(event["prompt"] for event in events if event["type"] == "run_started")
        runs = Counter(event["run"] for event in events if event["type"] == "run_finished")
        numbers = [event["seq"] for event in events]
        wrong += [f"lost or doubled: {text}" for text in texts if prompts[text] != 1]
        wrong += [f"a run of {session} ended {count} times" for count in runs.values() if count != 1]
        wrong += [f"{session}: events out of order"] if numbers != sorted(set(numbers)) else []
    return wrong


async def soak(state: State, *, chats: int, seconds: float) -> list[tuple[float, int, int]]:
    """Keep it up until the time is over; the figures of the process."""
    AsyncHTTPClient.configure(None, max_clients=chats + 20)
    figures: list[tuple[float, int, int]] = []
    first = Chat(state.server, Figures(), chats)
    await first.begin()
    await first.ask("warm up [none]")  # the engine is built, and what is heavy imported
    first.cut()
    state.until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        group.create_task(watching(state, figures))
        for number in range(chats):
            group.create_task(chatting(state, number))
        group.create_task(killing_kernels(state))
        group.create_task(writing(state))
    return figures


def report(state: State, figures: list[tuple[float, int, int]], wrong: list[str]) -> str:
    """What came of it."""
    seen = state.figures
    warm = figures[len(figures) // 4 :] or figures
    lines = [f"  {name:30} {count}" for name, count in sorted(state.faults.items())]
    lines += [f"  runs {name:25} {count}" for name, count in sorted(seen.ends.items())]
    lines += [f"  {name:30} {count}" for name, count in sorted(seen.errors.items())]
    lines += [f"    {count} said: {text}" for text, count in seen.reasons.most_common(8)]
    lines += [
        f"  acknowledged, p95              {share(seen.acknowledged, 95) * 1e3:.0f} ms",
        f"  first event, p95               {share(seen.first, 95) * 1e3:.0f} ms",
        f"  event latency, p95             {share(seen.latency, 95) * 1e3:.0f} ms",
        f"  memory                         {warm[0][0]:.0f} MB warm, {warm[-1][0]:.0f} MB at the end",
        f"  descriptors                    {warm[0][1]} warm, {warm[-1][1]} at the end",
        f"  threads                        {warm[0][2]} warm, {warm[-1][2]} at the end",
        f"  prompts acknowledged           {len(state.acknowledged)}",
        f"  load average                   {load_average()}",
        f"wrong: {len(wrong)}",
        *sorted(set(wrong))[:20],
    ]
    return "\n".join(lines) + "\n"


def grown(figures: list[tuple[float, int, int]], killed: int) -> list[str]:
    """What grew once the server was warm. Jupyter Server itself keeps a descriptor of each killed kernel."""
    warm = figures[len(figures) // 4 :]
    if not warm:
        return []
    (memory, descriptors, _), (now, open_now, _) = warm[0], warm[-1]
    found = [f"the server grew by {now - memory:.0f} MB"] if now - memory > GROWTH else []
    more = open_now - descriptors - killed
    return found + ([f"{more} more descriptors"] if more > DESCRIPTORS else [])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long it is kept up")
    parser.add_argument("--chats", type=int, default=20, help="how many chats at once")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        model_process(script()) as model,
        jupyter(Path(folder), model) as server,
    ):
        state = State(server, random.Random(options.seed))
        figures = asyncio.run(soak(state, chats=options.chats, seconds=options.seconds))
        wrong = [*looked_after(state), *grown(figures, state.faults["kernel killed"])]
    head = f"{options.chats} chats for {options.seconds:.0f} s with faults, seed {options.seed}\n"
    sys.stdout.write(head + report(state, figures, wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
