"""The engine in a thread: commands, events, and work that has to happen in the thread that asks."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from codemad_jupyter.app.build import build_engine
from codemad_jupyter.app.client import CallerThread, ThreadClient
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
from codemad_jupyter.orchestrator.engine import Engine
from codemad_jupyter.protocol.commands import Ack, Cancel, Command, Prompt, Target, Undo
from codemad_jupyter.protocol.errors import Conflict, KernelError, UsageError
from codemad_jupyter.protocol.events import Event, RunFinished, RunStarted
from codemad_jupyter.protocol.models import ModelInfo


class Nowhere:
    """Ports of a place without kernel and notebook."""

    async def kernel(self, target: Target) -> KernelPort | None:
        return None

    async def notebook(self, target: Target) -> NotebookPort | None:
        return None


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadClient]:
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    root = tmp_path / "work"
    root.mkdir()

    async def build() -> Engine:
        return await build_engine(root, ports=Nowhere(), settings=load_settings(root))

    made = ThreadClient(build)
    yield made
    made.close()


def test_a_prompt_goes_through_to_its_end(client: ThreadClient) -> None:
    prompt = Prompt(session=client.session(), text="What can you do?", model="codemad/offline")
    events = list(client.follow(client.submit(prompt)))
    assert isinstance(events[-1], RunFinished)
    assert events[-1].status == "done"
    assert "codemad/offline" in [model.name for model in client.models()]
    assert client.default_model()


def test_a_refusal_is_raised(client: ThreadClient) -> None:
    with pytest.raises(Conflict, match="undo"):
        client.submit(Undo(session=client.session()))


def test_closing_twice_is_closing_once(client: ThreadClient) -> None:
    client.close()
    client.close()
    with pytest.raises(KernelError, match="closed"):
        client.session()


class Scripted:
    """An engine of one run, which asks the caller's thread to work, or waits to be cancelled."""

    default_model = "codemad/offline"

    def __init__(self, caller: CallerThread, work: Callable[[], object] | None) -> None:
        self.caller, self.work = caller, work
        self.cancelled = asyncio.Event()
        self.outcome: object = None

    async def submit(self, command: Command) -> Ack:
        if isinstance(command, Cancel):
            self.cancelled.set()
        return Ack(session="s", run="r")

    async def events(self, session: str, after: int = 0) -> AsyncIterator[Event]:
        yield RunStarted(seq=1, session="s", run="r", prompt="p", model="m", edge="magic", target=Target())
        if self.work is None:
            await self.cancelled.wait()
        else:
            try:
                self.outcome = await self.caller.run(self.work)
            except Exception as error:
                self.outcome = error
        status = "cancelled" if self.cancelled.is_set() else "done"
        yield RunFinished(seq=2, session="s", run="r", status=status, text=".")
        await asyncio.Event().wait()

    async def current_session(self) -> str:
        return "s"

    async def models(self) -> tuple[ModelInfo, ...]:
        return ()

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def scripted() -> Iterator[Callable[..., tuple[ThreadClient, Scripted]]]:
    made: list[ThreadClient] = []

    def make(work: Callable[[], object] | None = None) -> tuple[ThreadClient, Scripted]:
        caller = CallerThread()
        engines: list[Scripted] = []

        async def build() -> Scripted:
            engines.append(Scripted(caller, work))
            return engines[0]

        made.append(ThreadClient(build, caller=caller))
        return made[-1], engines[0]

    yield make
    for client in made:
        client.close()


MakeClient = Callable[..., tuple[ThreadClient, Scripted]]
PROMPT = Prompt(session="s", text="p")


def test_work_is_done_in_the_thread_that_follows(scripted: MakeClient) -> None:
    client, engine = scripted(threading.current_thread)
    list(client.follow(client.submit(PROMPT)))
    assert engine.outcome is threading.main_thread()


def test_what_the_work_raises_reaches_the_engine(scripted: MakeClient) -> None:
    client, engine = scripted(lambda: 1 // 0)
    list(client.follow(client.submit(PROMPT)))
    assert isinstance(engine.outcome, ZeroDivisionError)


def test_commands_may_be_given_while_following(scripted: MakeClient) -> None:
    client, engine = scripted(threading.current_thread)
    for _ in client.follow(client.submit(PROMPT)):
        assert client.session() == "s"
    assert engine.outcome is threading.main_thread()


def test_nobody_waiting_is_an_error_not_a_hang(scripted: MakeClient) -> None:
    client, engine = scripted()
    work = asyncio.run_coroutine_threadsafe(engine.caller.run(time.time), client._loop)
    with pytest.raises(KernelError, match="only while"):
        work.result(5)


def test_an_interrupt_cancels_and_the_end_is_still_told(scripted: MakeClient) -> None:
    client, _ = scripted()
    main = threading.main_thread().ident or 0
    threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
    events = list(client.follow(client.submit(PROMPT)))
    assert isinstance(events[-1], RunFinished)
    assert events[-1].status == "cancelled"


def test_a_run_can_be_followed_anew_after_it_was_cancelled(scripted: MakeClient) -> None:
    client, _ = scripted()
    ack = client.submit(PROMPT)
    assert isinstance(next(client.follow(ack)), RunStarted)
    assert client.submit(Cancel(session="s", run="r")) == ack
    assert isinstance(list(client.follow(ack.model_copy()))[-1], RunFinished)


def test_an_engine_that_cannot_be_built_says_why() -> None:
    async def build() -> Scripted:
        raise UsageError("No such folder.")

    with pytest.raises(UsageError, match="No such folder"):
        ThreadClient(build)
    assert not [thread for thread in threading.enumerate() if thread.name == "codemad-engine"]
