"""``codemad ask``: one question, its answer on stdout as it comes, as text or as events.

The engine lives in this process. Nobody is asked anything: actions that need a person are refused,
proposals are shown and, with ``--apply``, accepted.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.batch.cassettes import CassetteChoice
from codemad_jupyter.batch.desk import Desk
from codemad_jupyter.batch.following import followed
from codemad_jupyter.batch.printing import EventPrinter
from codemad_jupyter.protocol.commands import AcceptEdit, Ack, Cancel, Intent, NewSession, Prompt, Target
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.events import EditProposed, EditSettled, RunFinished, ToolDone

if TYPE_CHECKING:
    from codemad_jupyter.orchestrator.engine import Engine

GRACE = 1.5
"""Seconds a cancelled run gets to say that it has ended."""


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """What to ask, and about what."""

    question: str
    notebook: Path | None = None
    kernel_file: Path | None = None
    execute_notebook: bool = False
    apply: bool = False
    model: str | None = None
    json: bool = False
    cassette: CassetteChoice | None = None
    intent: Intent = "auto"


def ask(inquiry: Inquiry) -> int:
    """Ask; the exit code."""
    if inquiry.execute_notebook and inquiry.notebook is None:
        raise UsageError("--execute-notebook needs a notebook.", hint="Name it with --notebook.")
    if inquiry.execute_notebook and inquiry.kernel_file is not None:
        raise UsageError("--execute-notebook starts a kernel of its own.", hint="Leave out --kernel-file.")
    return asyncio.run(_ask(inquiry))


async def _ask(inquiry: Inquiry) -> int:
    asker = _Asker(inquiry)
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asker.stop, task)
    try:
        return await asker.go()
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


class _Asker:
    """One inquiry on its way. A signal cancels the run first, then everything."""

    def __init__(self, inquiry: Inquiry) -> None:
        self._inquiry = inquiry
        self._printer = EventPrinter(json=inquiry.json)
        self._stopping = asyncio.Event()
        self._running = False
        self._proposed: list[str] = []
        self._denied: list[str] = []

    def stop(self, task: asyncio.Task[Any]) -> None:
        """Called by the signal handler."""
        if self._running and not self._stopping.is_set():
            self._stopping.set()
        else:
            task.cancel()

    async def go(self) -> int:
        inquiry = self._inquiry
        async with Desk.open(inquiry.notebook, inquiry.kernel_file, execute=inquiry.execute_notebook) as desk:
            arguments = inquiry.cassette.settings if inquiry.cassette is not None else {}
            engine = await desk.engine(attended=False, arguments=arguments)
            try:
                return await self._ask(engine, desk.target)
            finally:
                await engine.close()

    async def _ask(self, engine: Engine, target: Target) -> int:
        session = (await engine.submit(NewSession())).session
        prompt = Prompt(
            session=session,
            text=self._inquiry.question,
            target=target,
            model=self._inquiry.model,
            intent=self._inquiry.intent,
            edge="cli",
        )
        finished = await self._run(engine, await engine.submit(prompt))
        if finished is None or finished.status == "cancelled":
            raise KeyboardInterrupt
        applied = not self._inquiry.apply or await self._apply(engine, session)
        if self._denied:
            _say(f"nobody was there to approve {'; '.join(self._denied)}")
        if finished.status != "done":
            _say(finished.text)
        return 0 if finished.status == "done" and applied and not self._denied else 1

    async def _run(self, engine: Engine, ack: Ack) -> RunFinished | None:
        """Print the run's events up to its end; None when it did not end after a signal."""
        self._running = True
        reading = asyncio.create_task(self._read(engine, ack))
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            cancelling = asyncio.create_task(engine.submit(Cancel(session=ack.session, run=ack.run)))
            await asyncio.wait({reading}, timeout=GRACE)
            cancelling.cancel()
        stopping.cancel()
        self._running = False
        if not reading.done():
            reading.cancel()
            return None
        return reading.result()

    async def _read(self, engine: Engine, ack: Ack) -> RunFinished:
        async with aclosing(engine.events(ack.session, ack.seq)) as events:  # type: ignore[type-var]
            async for event in events:
                self._printer.show(event)
                if isinstance(event, EditProposed):
                    self._proposed.append(event.edit.id)
                elif isinstance(event, ToolDone) and event.status == "denied" and event.agent == "main":
                    self._denied.append(f"{event.tool}: {event.summary}")
                elif isinstance(event, RunFinished) and event.run == ack.run:
                    return event
        raise AssertionError("an engine's events do not end before its run")

    async def _apply(self, engine: Engine, session: str) -> bool:
        """Accept what was proposed; whether all of it could be applied."""
        applied = True
        for edit in self._proposed:
            for event in await followed(engine, AcceptEdit(session=session, edit=edit)):
                self._printer.show(event)
                if isinstance(event, EditSettled) and event.edit == edit:
                    applied = applied and event.status == "accepted"
        return applied


def _say(text: str) -> None:
    print(f"codemad: {text}", file=sys.stderr, flush=True)
