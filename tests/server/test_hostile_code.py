"""Code that asks for input, floods, or hides from the interrupt: the run goes on and says what is true."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.protocol.commands import AcceptEdit
from tests.server.kernel_desk import PATH, KernelDesk, kernel_desk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import LIMIT, until

IMAGES = """
import base64
from IPython.display import display
dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
for n in range(2000):
    display({'image/png': dot, 'text/plain': f'picture {n}'}, raw=True)
"""
UPDATES = """
from IPython.display import display
handle = display('state 0', display_id=True)
for n in range(1, 1001):
    handle.update(f'state {n}')
"""
FLOOD = "for n in range(100_000): print(n, 'x' * 99)\n"
MESSAGES = """
import os, sys, time
for n in range(1_000_000):
    sys.stdout.write(f'{n:06}\\n')
    if n % 100 == 0: sys.stdout.flush()
    while n == 900_000 and not os.path.exists('asked'): time.sleep(0.02)
"""


@pytest.fixture
async def desk(
    home: Path, workspace: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[KernelDesk]:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_TRIAL", "false")
    async with kernel_desk(home, workspace, model_server) as made:
        yield made


async def answer_of(desk: KernelDesk, code: str, *, limit: float = LIMIT) -> dict[str, Any]:
    ack = await desk.run_code(code)
    events = await desk.finished(ack, limit=limit)
    assert events[-1].type == "run_finished"
    assert events[-1].status == "done"
    done = next(event for event in events if event.type == "tool_done")
    found: dict[str, Any] = json.loads(done.content)
    return found


@pytest.mark.parametrize("code", ["input('name?')", "import getpass; getpass.getpass()"])
async def test_code_that_asks_is_refused_and_never_answered(desk: KernelDesk, code: str) -> None:
    answer = await answer_of(desk, code)
    assert not answer["ok"]
    assert "StdinNotImplementedError" in answer["error"]


async def test_two_thousand_pictures_and_a_thousand_updates_are_bounded(desk: KernelDesk) -> None:
    answer = await answer_of(desk, IMAGES)
    assert len(json.dumps(answer)) < 30_000
    assert "left out" in answer["text"]
    answer = await answer_of(desk, UPDATES)
    assert answer["text"] == "'state 1000'"


async def test_a_million_lines_leave_the_server_at_work(desk: KernelDesk) -> None:
    ack = await desk.run_code(MESSAGES)
    began = await desk.event("tool_output", after=ack.seq)
    assert began.text
    assert (await desk.server.fetch("codemad/status")).code == 200
    stored = await desk.engine.stored(desk.session, after=ack.seq)
    assert "run_finished" not in {event.type for event in stored}, "answered while the lines came"
    (desk.root / "asked").touch()
    events = await desk.finished(ack, limit=2 * LIMIT)
    done = next(event for event in events if event.type == "tool_done")
    text = json.loads(done.content)["text"]
    assert text.startswith("000000\n")
    assert text.endswith("999999")
    assert "left out" in text
    assert len(done.content) < 25_000


async def test_an_accepted_flood_does_not_bloat_the_file(desk: KernelDesk) -> None:
    call = Call("insert_cell", {"source": FLOOD + IMAGES, "after": "a"})
    ack = await desk.ask(Turn(calls=(call,)), Turn(text="Proposed."))
    edit = (await desk.event("edit_proposed", after=ack.seq)).edit
    await desk.finished(ack)
    ack = await desk.do(AcceptEdit(session=desk.session, edit=edit.id, execute=True))
    executed = await desk.event("cell_executed", after=ack.seq)
    assert executed.ok, executed.error
    assert (desk.root / PATH).stat().st_size < 5_000_000
    assert "characters left out" in (desk.root / PATH).read_text()


async def test_a_kernel_that_an_interrupt_ends_is_called_dead(desk: KernelDesk) -> None:
    """Some kernels are wrapped, and the wrapper ends with the interrupt."""
    code = (
        "import os, signal, time\nsignal.signal(signal.SIGINT, lambda *_: os._exit(1))\n"
        "open('began', 'w').close()\ntime.sleep(100)"
    )
    ack = await desk.run_code(code)
    await desk.file("began")
    await desk.stop()
    events = await desk.finished(ack)
    assert events[-1].type == "run_finished"
    assert events[-1].status == "cancelled"
    changed = await desk.event("kernel_changed", after=ack.seq)
    assert changed.state == "died"


async def test_a_killed_kernel_frees_what_waits_behind_it(desk: KernelDesk) -> None:
    ack = await desk.run_code("open('began', 'w').close()\nimport time; time.sleep(100)")
    await desk.file("began")
    before = desk.pid
    os.kill(before, signal.SIGKILL)
    events = await desk.finished(ack)
    done = next(event for event in events if event.type == "tool_done")
    assert done.status == "error"
    await until(lambda: desk.pid != before, "the restart")
    await (await desk.port()).wait_until_ready(timeout=LIMIT)
    assert (await answer_of(desk, "print(6 * 7)"))["text"] == "42"
