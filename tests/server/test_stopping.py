"""Stop ends code of ours, and never a cell that the person started; how fast is measured in benchmarks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.utils import ensure_async

from codemad_jupyter.protocol.commands import AcceptEdit
from tests.server.kernel_desk import PATH, KernelDesk, kernel_desk, notebook
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import LIMIT, until

BEGIN = "open('began', 'w').close()\n"
STUBBORN = """
import signal, time
signal.signal(signal.SIGINT, lambda *_: None)
open('began', 'w').close()
while True:
    time.sleep(1)
"""
WAIT_FOR_GO = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)\n"
LINES = """
import os, time
for n in range(3):
    print('line', n, flush=True)
    while not os.path.exists(f'heard-{n}'): time.sleep(0.02)
"""


@pytest.fixture
async def desk(
    home: Path, workspace: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[KernelDesk]:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_TRIAL", "false")
    async with kernel_desk(home, workspace, model_server) as made:
        yield made


async def alive(desk: KernelDesk) -> None:
    assert (await (await desk.port()).execute("1 + 1", timeout=LIMIT)).ok


def outputs_on_disk(desk: KernelDesk) -> str:
    return json.dumps(json.loads((desk.root / PATH).read_text())["cells"][1]["outputs"])


async def propose(desk: KernelDesk, source: str) -> Any:
    call = Call("insert_cell", {"source": source, "after": "a"})
    ack = await desk.ask(Turn(calls=(call,)), Turn(text="Proposed."))
    edit = (await desk.event("edit_proposed", after=ack.seq)).edit
    await desk.finished(ack)
    return edit


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(1000)",
        "import ctypes; ctypes.CDLL(None).sleep(1000); ctypes.CDLL(None).sleep(1000)",
        "import subprocess; subprocess.run(['sleep', '1000'])",
    ],
)
async def test_stop_ends_code(desk: KernelDesk, code: str) -> None:
    ack = await desk.run_code(BEGIN + code)
    await desk.file("began")
    before = desk.pid
    await desk.stop()
    last: Any = (await desk.finished(ack))[-1]
    assert last.status == "cancelled"
    await alive(desk)
    assert desk.pid == before


async def test_an_accepted_cell_runs_in_the_background_and_stop_ends_it(desk: KernelDesk) -> None:
    source = BEGIN + "print('so far', flush=True)\nwhile True: pass"
    edit = await propose(desk, source)
    ack = await desk.do(AcceptEdit(session=desk.session, edit=edit.id, execute=True))
    settled = await desk.event("edit_settled", after=ack.seq)
    assert settled.status == "accepted"
    await desk.file("began")
    await until(lambda: "so far" in outputs_on_disk(desk), "writing outputs while the cell runs")
    assert desk.engine.busy, "the answer did not wait for the cell"
    await desk.stop()
    executed = await desk.event("cell_executed", after=ack.seq)
    assert not executed.ok
    assert executed.error == "Stopped by you."
    await alive(desk)
    assert not desk.engine.busy


async def test_the_person_s_own_cell_is_never_interrupted(desk: KernelDesk) -> None:
    manager = desk.server.app.kernel_manager.get_kernel(desk.kernel)
    person = manager.client()
    person.start_channels()
    try:
        await ensure_async(person.wait_for_ready(timeout=LIMIT))
        theirs = person.execute(f"open('theirs', 'w').close()\n{WAIT_FOR_GO}mine = 'whole'")
        await desk.file("theirs")
        ack = await desk.run_code("import time\ntime.sleep(1000)\nours = 1")
        await asyncio.sleep(0.5)  # it may be on its way or in the kernel's queue: the outcome is the same
        await desk.stop()
        await desk.finished(ack)
        (desk.root / "go").touch()  # only now: stopping did not wait for their cell
        reply: Any = {"parent_header": {}}
        while reply["parent_header"].get("msg_id") != theirs:
            reply = await ensure_async(person.get_shell_msg(timeout=LIMIT))
        assert reply["content"]["status"] == "ok"
        port = await desk.port()
        held = await port.execute("mine, 'ours' in globals()", timeout=LIMIT)
        assert held.outputs[0]["data"]["text/plain"] == "('whole', False)", (
            "what waited was ended in its turn"
        )
    finally:
        person.stop_channels()


async def test_stubborn_code_is_named_and_killed_only_when_asked(desk: KernelDesk) -> None:
    ack = await desk.run_code(STUBBORN)
    await desk.file("began")
    before = desk.pid
    await desk.stop()
    events = await desk.finished(ack)
    notices = [event.code for event in events if event.type == "notice"]
    assert notices == ["still_running"]
    assert desk.pid == before
    seq = await desk.engine.state_seq(desk.session)
    await desk.stop(kill=True)
    assert (await desk.event("notice", after=seq)).code == "kernel_killed"
    assert (await desk.event("kernel_changed", after=seq)).state == "restarted"
    await until(lambda: desk.pid != before, "the restart")
    await (await desk.port()).wait_until_ready(timeout=LIMIT)
    await alive(desk)


async def test_output_streams_and_a_reloaded_tab_sees_the_rest(desk: KernelDesk) -> None:
    ack = await desk.run_code(LINES)
    for n in range(3):
        said = f"line {n}\n"
        seen = await desk.until(lambda e: e.type == "tool_output" and said in e.text, after=ack.seq)  # noqa: B023
        assert [event.text for event in seen if event.type == "tool_output"][-1] == said
        (desk.root / f"heard-{n}").touch()
    reloaded = await desk.finished(ack)  # everything after the prompt is asked for again
    pieces = [event.text for event in reloaded if event.type == "tool_output"]
    assert pieces == [f"line {n}\n" for n in range(3)]
    done = next(event for event in reloaded if event.type == "tool_done")
    assert json.loads(done.content)["text"] == "\n".join(f"line {n}" for n in range(3))
    stored = await desk.engine.stored(desk.session)
    assert "tool_output" not in {event.type for event in stored}


async def test_a_storm_is_told_seldom_and_within_bounds(desk: KernelDesk) -> None:
    code = "import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end: print('x' * 1000)"
    ack = await desk.run_code(code)
    events = await desk.finished(ack)
    pieces = [event for event in events if event.type == "tool_output"]
    assert pieces
    assert sum(len(event.text) for event in pieces) < 40_000
    gaps = [later.at - earlier.at for earlier, later in pairwise(pieces[:-1])]
    assert all(gap > 0.15 for gap in gaps)
    done = next(event for event in events if event.type == "tool_done")
    assert len(done.content) <= 24_100


async def test_outputs_go_where_the_notebook_was_opened_meanwhile(desk: KernelDesk) -> None:
    (desk.root / PATH).write_text(
        json.dumps(notebook(f"open('began', 'w').close()\n{WAIT_FOR_GO}'the end'"), indent=1)
    )
    port = await desk.server.host.ports.notebook(desk.target)
    assert port is not None
    running = asyncio.create_task(port.execute_cell(PATH, "a"))
    await desk.file("began")
    before = (desk.root / PATH).read_bytes()
    tab = await desk.server.tab("one", {"path": PATH, "kernel": desk.kernel})
    (desk.root / "go").touch()
    call = await tab.hear("port_call")
    assert call["op"] == "snapshot"
    await tab.reply(call, json.loads(before))
    call = await tab.hear("port_call")
    assert call["op"] == "apply"
    (change,) = call["arguments"]["changes"]
    assert (change["op"], change["cell"]) == ("put", "a")
    assert "the end" in json.dumps(change["content"]["outputs"])
    await tab.reply(call)
    assert (await asyncio.wait_for(running, LIMIT)).ok
    assert (desk.root / PATH).read_bytes() == before, "the file belongs to the tab now"
