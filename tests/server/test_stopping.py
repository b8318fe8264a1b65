"""Stop ends code of ours within two seconds, and never a cell that the person started."""

from __future__ import annotations

import asyncio
import json
import time
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

BEGIN = "open('began', 'w').close()\n"
STUBBORN = """
import signal, time
signal.signal(signal.SIGINT, lambda *_: None)
open('began', 'w').close()
while True:
    time.sleep(1)
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
    assert (await (await desk.port()).execute("1 + 1", timeout=20)).ok


async def propose(desk: KernelDesk, source: str) -> Any:
    call = Call("insert_cell", {"source": source, "after": "a"})
    ack = await desk.ask(Turn(calls=(call,)), Turn(text="Proposed."))
    edit = (await desk.event("edit_proposed", after=ack.seq, limit=60)).edit
    await desk.finished(ack, limit=60)
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
async def test_stop_ends_code_within_two_seconds(desk: KernelDesk, code: str) -> None:
    ack = await desk.run_code(BEGIN + code)
    await desk.file("began")
    begin = time.monotonic()
    await desk.stop()
    last: Any = (await desk.finished(ack))[-1]
    assert last.status == "cancelled"
    await alive(desk)
    assert time.monotonic() - begin < 2


async def test_an_accepted_cell_runs_in_the_background_and_stop_ends_it(desk: KernelDesk) -> None:
    source = BEGIN + "print('so far', flush=True)\nwhile True: pass"
    edit = await propose(desk, source)
    begin = time.monotonic()
    ack = await desk.do(AcceptEdit(session=desk.session, edit=edit.id, execute=True))
    assert time.monotonic() - begin < 5, "the answer does not wait for the cell"
    settled = await desk.event("edit_settled", after=ack.seq)
    assert settled.status == "accepted"
    await desk.file("began")
    written = ""
    for _ in range(100):
        written = (desk.root / PATH).read_text()
        if "so far" in json.dumps(json.loads(written)["cells"][1]["outputs"]):
            break
        await asyncio.sleep(0.1)
    assert "so far" in json.dumps(json.loads(written)["cells"][1]["outputs"]), "written while it runs"
    assert desk.engine.busy
    begin = time.monotonic()
    await desk.stop()
    executed = await desk.event("cell_executed", after=ack.seq)
    assert not executed.ok
    assert executed.error == "Stopped by you."
    await alive(desk)
    assert time.monotonic() - begin < 2
    assert not desk.engine.busy


async def test_the_person_s_own_cell_is_never_interrupted(desk: KernelDesk) -> None:
    manager = desk.server.app.kernel_manager.get_kernel(desk.kernel)
    person = manager.client()
    person.start_channels()
    try:
        await ensure_async(person.wait_for_ready(timeout=30))
        theirs = person.execute("import time\nopen('theirs', 'w').close()\ntime.sleep(4)\nmine = 'whole'")
        await desk.file("theirs")
        ack = await desk.run_code("open('ours', 'w').close()\nimport time\ntime.sleep(100)\nours = 1")
        await asyncio.sleep(0.5)
        assert await desk.stop() < 2
        await desk.finished(ack)
        reply: Any = {"parent_header": {}}
        while reply["parent_header"].get("msg_id") != theirs:
            reply = await ensure_async(person.get_shell_msg(timeout=20))
        assert reply["content"]["status"] == "ok"
        begin = time.monotonic()
        port = await desk.port()
        held = await port.execute("mine, 'ours' in globals()", timeout=20)
        assert held.outputs[0]["data"]["text/plain"] == "('whole', False)"
        assert time.monotonic() - begin < 10, "what waited in the queue was ended when its turn came"
    finally:
        person.stop_channels()


async def test_stubborn_code_is_named_and_killed_only_when_asked(desk: KernelDesk) -> None:
    ack = await desk.run_code(STUBBORN)
    await desk.file("began")
    before = desk.pid
    assert await desk.stop() < 5
    events = await desk.finished(ack)
    notices = [event.code for event in events if event.type == "notice"]
    assert notices == ["still_running"]
    assert desk.pid == before
    seq = await desk.engine.state_seq(desk.session)
    assert await desk.stop(kill=True) < 6
    assert (await desk.event("notice", after=seq)).code == "kernel_killed"
    assert (await desk.event("kernel_changed", after=seq)).state == "restarted"
    for _ in range(100):
        if desk.pid != before:
            break
        await asyncio.sleep(0.1)
    assert desk.pid != before
    await (await desk.port()).wait_until_ready(timeout=30)
    await alive(desk)


async def test_output_streams_and_a_reloaded_tab_sees_the_rest(desk: KernelDesk) -> None:
    code = "import time\nfor n in range(12):\n    print('line', n, flush=True)\n    time.sleep(0.25)"
    ack = await desk.run_code(code)
    first = await desk.event("tool_output", after=ack.seq)
    assert "line 0" in first.text
    reloaded = await desk.finished(ack)  # everything after the prompt is asked for again
    pieces = [event.text for event in reloaded if event.type == "tool_output"]
    assert len(pieces) >= 3
    assert "".join(pieces) == "".join(f"line {n}\n" for n in range(12))
    done = next(event for event in reloaded if event.type == "tool_done")
    assert json.loads(done.content)["text"] == "\n".join(f"line {n}" for n in range(12))
    stored = await desk.engine.stored(desk.session)
    assert "tool_output" not in {event.type for event in stored}


async def test_a_storm_is_told_seldom_and_within_bounds(desk: KernelDesk) -> None:
    code = "import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end: print('x' * 1000)"
    ack = await desk.run_code(code)
    events = await desk.finished(ack, limit=60)
    pieces = [event for event in events if event.type == "tool_output"]
    assert pieces
    assert sum(len(event.text) for event in pieces) < 40_000
    gaps = [later.at - earlier.at for earlier, later in pairwise(pieces[:-1])]
    assert all(gap > 0.15 for gap in gaps)
    done = next(event for event in events if event.type == "tool_done")
    assert len(done.content) <= 24_100


async def test_outputs_go_where_the_notebook_was_opened_meanwhile(desk: KernelDesk) -> None:
    (desk.root / PATH).write_text(json.dumps(notebook("import time; time.sleep(3)\n'the end'"), indent=1))
    port = await desk.server.host.ports.notebook(desk.target)
    assert port is not None
    running = asyncio.create_task(port.execute_cell(PATH, "a"))
    await asyncio.sleep(1)
    before = (desk.root / PATH).read_bytes()
    tab = await desk.server.tab("one", {"path": PATH, "kernel": desk.kernel})
    call = await tab.hear("port_call")
    assert call["op"] == "snapshot"
    await tab.reply(call, json.loads(before))
    call = await tab.hear("port_call")
    assert call["op"] == "apply"
    (change,) = call["arguments"]["changes"]
    assert (change["op"], change["cell"]) == ("put", "a")
    assert "the end" in json.dumps(change["content"]["outputs"])
    await tab.reply(call)
    assert (await asyncio.wait_for(running, 10)).ok
    assert (desk.root / PATH).read_bytes() == before, "the file belongs to the tab now"
