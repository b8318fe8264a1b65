"""A kernel that dies, is restarted or ended: said to the person and to the model, with what was lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.kernel_desk import KernelDesk, kernel_desk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn
from tests.waiting import LIMIT


@pytest.fixture
async def desk(
    home: Path, workspace: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[KernelDesk]:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    async with kernel_desk(home, workspace, model_server) as made:
        yield made


async def fill(desk: KernelDesk) -> None:
    assert (await (await desk.port()).execute("precious = [1, 2, 3]", timeout=LIMIT)).ok


async def test_a_kernel_killed_in_mid_cell_is_told_to_both(desk: KernelDesk) -> None:
    await fill(desk)
    ack = await desk.run_code("open('began', 'w').close()\nimport time\ntime.sleep(100)")
    await desk.file("began")
    os.kill(desk.pid, signal.SIGKILL)
    changed = await desk.event("kernel_changed", after=ack.seq)
    assert (changed.state, changed.notebook, changed.lost) == ("died", "n.ipynb", ("precious",))
    done = await desk.event("tool_done", after=ack.seq)
    assert done.status == "error"
    assert "precious" in done.content
    assert "Run the cells that make them again" in done.content
    assert (await desk.finished(ack))[-1].status == "done"  # type: ignore[union-attr]

    back = await desk.until(lambda e: e.type == "kernel_changed" and e.state == "restarted", after=ack.seq)
    assert [e.state for e in back if e.type == "kernel_changed"] == ["died", "restarted"]
    again = await desk.run_code("print(6 * 7)")
    answer = (await desk.event("tool_done", after=again.seq)).content
    assert json.loads(answer)["text"] == "42"
    await desk.finished(again)


@pytest.mark.parametrize("how", ["restarted", "died"])
async def test_a_loss_while_nothing_of_ours_runs_is_told_at_once_and_to_the_next_run(
    desk: KernelDesk, how: str
) -> None:
    await fill(desk)
    ack = await desk.ask(Turn(text="Hello."))
    await desk.finished(ack)
    seq = await desk.engine.state_seq(desk.session)
    if how == "restarted":
        response = await desk.server.fetch(f"api/kernels/{desk.kernel}/restart", body={})
        assert response.code == 200
    else:
        os.kill(desk.pid, signal.SIGKILL)
    changed = await desk.event("kernel_changed", after=seq)
    assert (changed.state, changed.lost) == (how, ("precious",))

    ack = await desk.ask(Turn(text="I know."), Turn(text="Nothing new."))
    await desk.finished(ack)
    sent = json.dumps(desk.model.asked[-1].body, ensure_ascii=False)
    assert "These variables are lost: precious." in sent
    await desk.finished(await desk.ask())
    sent = str(desk.model.asked[-1].body["messages"][-1])
    assert "are lost" not in sent, "it is said once"


async def test_a_culled_kernel_is_told_as_ended(desk: KernelDesk) -> None:
    await fill(desk)
    ack = await desk.ask(Turn(text="Hello."))
    await desk.finished(ack)
    seq = await desk.engine.state_seq(desk.session)
    manager: Any = desk.server.app.kernel_manager
    await manager.shutdown_kernel(desk.kernel)
    changed = await desk.event("kernel_changed", after=seq)
    assert (changed.state, changed.lost) == ("ended", ("precious",))
    ack = await desk.ask(Turn(text="I know."))
    await desk.finished(ack)
    assert "The kernel was ended" in json.dumps(desk.model.asked[-1].body)


async def test_kernels_of_others_are_none_of_the_session_s_business(desk: KernelDesk) -> None:
    await desk.finished(await desk.ask(Turn(text="Hello.")))
    body = {"path": "other.ipynb", "type": "notebook", "name": "o", "kernel": {"name": "python3"}}
    response = await desk.server.fetch("api/sessions", body=body)
    other = json.loads(response.body)["kernel"]["id"]
    seq = await desk.engine.state_seq(desk.session)
    await desk.server.fetch(f"api/kernels/{other}/restart", body={})
    manager: Any = desk.server.app.kernel_manager
    await manager.shutdown_kernel(other, now=True)
    await asyncio.sleep(1)
    assert not [e for e in await desk.engine.stored(desk.session, after=seq) if e.type == "kernel_changed"]
