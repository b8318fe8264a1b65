"""Where something is missing or held: it goes on, says so, and loses nothing."""

import json
import os
from pathlib import Path

import pytest

from codemad_jupyter.protocol.commands import AcceptEdit, Prompt, Undo
from codemad_jupyter.protocol.errors import NotebookError
from codemad_jupyter.protocol.events import Event
from tests.flows.conftest import MakeDesk

PLOT = "plot the mean radius by diagnosis"


def notices(events: list[Event]) -> str:
    return "\n".join(event.text for event in events if event.type == "notice")


def first_edit(events: list[Event]) -> str:
    return next(event.edit.id for event in events if event.type == "edit_proposed")


async def test_without_git_the_notebook_is_still_covered_and_the_rest_is_said(
    make_desk: MakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await make_desk(kernel=True)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    path = desk.root / "n.ipynb"
    before = path.read_bytes()
    edit = first_edit(await desk.ask(PLOT))
    accepted = await desk.do(AcceptEdit(session=desk.session, edit=edit))
    assert "git" in notices(accepted)
    assert "Files are not covered" in notices(accepted)
    assert path.read_bytes() != before
    await desk.do(Undo(session=desk.session))
    assert path.read_bytes() == before


async def test_a_second_engine_on_the_folder_says_who_holds_the_store_and_goes_on(
    make_desk: MakeDesk,
) -> None:
    first = await make_desk()
    await first.ask("help")
    second = await make_desk()
    assert second.session != first.session
    events = await second.ask("help")
    told = notices(list(await second.engine.stored(second.session)))
    assert str(os.getpid()) in told
    assert events[-1].type == "run_finished"
    await second.engine.close()
    await first.engine.close()
    third = await make_desk()
    assert {info.id for info in await third.engine.sessions()} >= {first.session, second.session}


async def test_a_notebook_that_is_not_json_is_named_and_left_alone(make_desk: MakeDesk) -> None:
    desk = await make_desk(kernel=True)
    path = desk.root / "n.ipynb"
    path.write_text('{"cells": [')
    events = await desk.ask(PLOT)
    assert "n.ipynb" in notices(events)
    assert "JSON" in notices(events)
    assert events[-1].type == "run_finished"
    assert path.read_text() == '{"cells": ['


async def test_a_read_only_notebook_is_refused_clearly_and_the_proposal_waits(make_desk: MakeDesk) -> None:
    desk = await make_desk(kernel=True)
    path = desk.root / "n.ipynb"
    path.chmod(0o444)
    before = path.read_bytes()
    edit = first_edit(await desk.ask(PLOT))
    with pytest.raises(NotebookError, match="read-only"):
        await desk.engine.submit(AcceptEdit(session=desk.session, edit=edit))
    assert path.read_bytes() == before
    path.chmod(0o644)
    accepted = await desk.do(AcceptEdit(session=desk.session, edit=edit))
    assert any(event.type == "edit_settled" and event.status == "accepted" for event in accepted)
    assert len(json.loads(path.read_text())["cells"]) == 3


async def test_a_provider_that_does_not_exist_is_named_with_those_that_do(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    prompt = Prompt(session=desk.session, text="hi", model="antropic/claude", edge="test")
    with pytest.raises(Exception, match="anthropic"):
        await desk.engine.submit(prompt)
    assert (await desk.ask("help"))[-1].type == "run_finished"
