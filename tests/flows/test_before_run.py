"""A cell that takes long, or that is tagged for it, runs only when a person says so."""

import json

import pytest

from codemad_jupyter.notebooks.run_times import asks_before_run, recorded_seconds
from codemad_jupyter.protocol.commands import AcceptEdit, Approve, Reject
from codemad_jupyter.protocol.events import ApprovalAsked, Event
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = "compatible/scripted"


@pytest.fixture
async def desk(make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_ASK_BEFORE_RUN", "0.3")
    return await make_desk(kernel=True)


async def accept_and_run(desk: Desk, model: ModelServer, source: str) -> int:
    """Have the cell replaced and accepted with run; the number of the last event before that."""
    call = Call("replace_cell", {"cell": "load", "source": source})
    model.play(Turn(calls=(call,)), Turn(text="Proposed."))
    events = await desk.ask("change it", model=MODEL)
    edit = next(event.edit.id for event in events if event.type == "edit_proposed")
    await desk.engine.submit(AcceptEdit(session=desk.session, edit=edit, execute=True))
    return events[-1].seq


async def asked(desk: Desk, after: int) -> ApprovalAsked:
    events = await desk.until(lambda event: event.type == "approval_asked", after=after)
    assert isinstance(events[-1], ApprovalAsked)
    return events[-1]


async def executed(desk: Desk, after: int) -> Event:
    return (await desk.until(lambda event: event.type == "cell_executed", after=after))[-1]


async def test_a_cell_that_took_long_is_asked_about(desk: Desk, model_server: ModelServer) -> None:
    after = await accept_and_run(desk, model_server, "import time\ntime.sleep(0.5)")
    first = await executed(desk, after)
    assert first.type == "cell_executed"
    assert first.ok, "nobody knew how long it takes"

    after = await accept_and_run(desk, model_server, "import time\ntime.sleep(0.5)  # again")
    question = await asked(desk, after)
    assert question.action == "import time\ntime.sleep(0.5)  # again"
    assert "when it last ran" in question.reason
    await desk.engine.submit(
        Approve(session=desk.session, approval=question.approval, digest=question.digest)
    )
    second = await executed(desk, question.seq)
    assert second.type == "cell_executed"
    assert second.ok


async def test_a_tagged_cell_runs_only_when_approved(desk: Desk, model_server: ModelServer) -> None:
    path = desk.root / "n.ipynb"
    notebook = json.loads(path.read_text())
    next(cell for cell in notebook["cells"] if cell["id"] == "load")["metadata"]["tags"] = ["Slow"]
    path.write_text(json.dumps(notebook, indent=1) + "\n")
    after = await accept_and_run(desk, model_server, "ran = True")
    question = await asked(desk, after)
    assert "Slow" in question.reason
    await desk.engine.submit(Reject(session=desk.session, approval=question.approval))
    events = await desk.until(lambda event: event.type == "notice", after=question.seq)
    assert events[-1].type == "notice"
    assert events[-1].code == "not_run"
    kernel = await desk.engine.services.ports.kernel(desk.target)
    assert kernel is not None
    assert not (await kernel.execute("ran")).ok


async def test_a_cell_that_changes_while_one_is_asked_does_not_run(
    desk: Desk, model_server: ModelServer
) -> None:
    await executed(desk, await accept_and_run(desk, model_server, "import time\ntime.sleep(0.5)"))
    question = await asked(desk, await accept_and_run(desk, model_server, "safe = 1"))
    path = desk.root / "n.ipynb"
    path.write_text(path.read_text().replace("safe = 1", "unsafe = 1"))
    await desk.engine.submit(
        Approve(session=desk.session, approval=question.approval, digest=question.digest)
    )
    events = await desk.until(lambda event: event.type == "notice", after=question.seq)
    assert events[-1].type == "notice"
    assert "changed while you were asked" in events[-1].text


def test_what_a_notebook_recorded() -> None:
    times = {
        "iopub.execute_input": "2026-01-02T03:04:05.000Z",
        "shell.execute_reply": "2026-01-02T03:05:05.500Z",
    }
    cells = [
        {"id": "a", "cell_type": "code", "source": "", "metadata": {"execution": times}},
        {"id": "b", "cell_type": "code", "source": "", "metadata": {"execution": {"shell.execute_reply": 3}}},
        {"id": "c", "cell_type": "code", "source": "", "metadata": {"execution": [1]}},
        {"id": "d", "cell_type": "markdown", "source": "", "metadata": {}},
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    assert recorded_seconds(notebook) == {"a": 60.5}
    assert asks_before_run(("x", "Ask-Before-Run"))
    assert not asks_before_run(("x",))
