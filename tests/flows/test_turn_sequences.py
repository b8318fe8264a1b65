"""Any order of runs, person's edits, undos and redos: nothing a person wrote is ever lost, and an undo
right after a run gives back the very bytes."""

import asyncio
import json
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codemad_jupyter.app.build import build_engine
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.orchestrator.engine import Engine
from codemad_jupyter.protocol.commands import AcceptEdit, Redo, RestoreCheckpoint, Target, Undo
from codemad_jupyter.protocol.edits import CellTarget, Edit, make_hunks, whole_hunk
from codemad_jupyter.protocol.errors import Conflict
from codemad_jupyter.protocol.events import EditProposed, Restored, RunFinished, RunStarted
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.tools.proposals import new_id
from tests.flows.conftest import DeskPorts


def cell(id: str, source: str) -> dict[str, Any]:
    outputs = [{"name": "stdout", "output_type": "stream", "text": [f"{id} said\n"]}]
    return {
        "cell_type": "code",
        "execution_count": 1,
        "id": id,
        "metadata": {"tags": [id]},
        "outputs": outputs,
        "source": source.splitlines(keepends=True),
    }


class Story:
    """A notebook, an engine, and what the person has written so far."""

    def __init__(self, root: Path, engine: Engine, session: str) -> None:
        self.path = root / "n.ipynb"
        self.engine = engine
        self.session = session
        self.mine: dict[str, str] = {}
        self.count = 0

    def cells(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.path.read_text())["cells"]
        return found

    def write(self, cells: list[dict[str, Any]]) -> None:
        document = json.loads(self.path.read_text())
        self.path.write_text(json.dumps({**document, "cells": cells}, indent=1) + "\n")

    def person(self, kind: str, at: int) -> None:
        """The person inserts, extends, moves or deletes a cell."""
        cells = self.cells()
        self.count += 1
        at = at % (len(cells) + 1)
        if kind == "insert" or not cells:
            name = f"mine{self.count}"
            cells.insert(at, cell(name, f"my cell {self.count}"))
            self.mine[name] = f"my cell {self.count}"
        elif kind == "edit":
            chosen = cells[at % len(cells)]
            line = f"my line {self.count}"
            chosen["source"] = [*chosen["source"], f"\n{line}"]
            self.mine[chosen["id"]] = line
        elif kind == "move":
            cells.insert(at, cells.pop(at % len(cells)))
        else:
            gone = cells.pop(at % len(cells))
            self.mine.pop(gone["id"], None)
        self.write(cells)

    async def run(self, changes: list[tuple[str, int]]) -> None:
        """A run whose edits are accepted, as the tools would have made them."""
        active = await self.engine._activated(self.session)
        session, run = active.session, new_id("run")
        started = RunStarted(prompt="go", model="m/n", edge="test", target=Target(notebook="n.ipynb"))
        session.bus.emit(started, run=run)
        await session.append(Message.user("go"), run=run)
        for kind, at in changes:
            self.count += 1
            edit = self.edit(kind, at)
            if edit is None:
                continue
            session.bus.emit(EditProposed(edit=edit), run=run)
            await self.engine.submit(AcceptEdit(session=self.session, edit=edit.id))
        session.bus.emit(RunFinished(status="done", text="Done."), run=run)
        await session.bus.saved()

    def edit(self, kind: str, at: int) -> Edit | None:
        cells = self.cells()
        free = [each for each in cells if each["id"] not in self.mine]
        anchor = cells[at % len(cells)]["id"] if cells else None
        if kind == "insert" or not free:
            source = f"run {self.count}"
            target = CellTarget(notebook="n.ipynb", op="insert", cell=f"run{self.count}", anchor=anchor)
            hunks = whole_hunk("", source)
            return Edit(id=new_id("edit"), target=target, title="t", after=source, hunks=hunks)
        chosen = free[at % len(free)]
        before = "".join(chosen["source"])
        target = CellTarget(notebook="n.ipynb", op=kind, cell=chosen["id"], anchor=anchor)  # type: ignore[arg-type]
        after = {"replace": f"run {self.count}\n{before}", "delete": ""}.get(kind, before)
        hunks = make_hunks(before, after) if kind == "replace" else whole_hunk(before, after)
        if not hunks or anchor == chosen["id"]:
            return None
        return Edit(id=new_id("edit"), target=target, title="t", before=before, after=after, hunks=hunks)

    async def step(self, command: Any) -> Restored | None:
        try:
            ack = await self.engine.submit(command)
        except Conflict:
            return None
        events = await self.engine.stored(self.session, after=ack.seq)
        return next(event for event in events if isinstance(event, Restored))

    def check(self) -> None:
        texts = {each["id"]: "".join(each["source"]) for each in self.cells()}
        for name, text in self.mine.items():
            assert text in texts.get(name, ""), f"what the person wrote in {name} is lost"
        assert len(texts) == len(self.cells())


async def told(work: Callable[[Story], Awaitable[None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, data = Path(folder) / "work", Path(folder) / "data"
        await asyncio.to_thread(root.mkdir)
        cells = [cell("a", "a = 1\nb = 2"), cell("b", "c = 3"), cell("c", "d = 4\ne = 5\nf = 6")]
        document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (root / "n.ipynb").write_text(json.dumps(document, indent=1) + "\n")
        loaded = load_settings(root, arguments={"data_dir": data, "trial": False})
        engine = await build_engine(root, ports=DeskPorts(root, None), settings=loaded)
        try:
            await work(Story(root, engine, await engine.current_session()))
        finally:
            await engine.close()


places = st.integers(0, 7)
changes = st.lists(
    st.tuples(st.sampled_from(["insert", "replace", "delete", "move"]), places), min_size=1, max_size=3
)
steps = st.one_of(
    st.tuples(st.just("run"), changes),
    st.tuples(st.just("person"), st.tuples(st.sampled_from(["insert", "edit", "move", "delete"]), places)),
    st.tuples(st.sampled_from(["undo", "redo"]), st.none()),
    st.tuples(st.just("restore"), places),
)
FEW = 25
SEQUENCES = int(os.environ.get("TURN_SEQUENCES", FEW))
"""Of each property. The few that are played by default are always the same ones."""
PATIENCE = pytest.mark.timeout(120 + 4 * SEQUENCES)
QUIET = settings(
    max_examples=SEQUENCES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=SEQUENCES == FEW,
    database=None,
)


@PATIENCE
@QUIET
@given(st.lists(steps, min_size=2, max_size=9))
def test_what_the_person_wrote_is_never_lost(order: list[tuple[str, Any]]) -> None:
    async def work(story: Story) -> None:
        for kind, detail in order:
            if kind == "run":
                await story.run(detail)
            elif kind == "person":
                story.person(*detail)
            elif kind == "restore":
                points = await story.engine.checkpoints(story.session)
                if points:
                    id = points[detail % len(points)].id
                    await story.step(RestoreCheckpoint(session=story.session, checkpoint=id))
            else:
                await story.step((Undo if kind == "undo" else Redo)(session=story.session))
            story.check()

    asyncio.run(told(work))


@PATIENCE
@QUIET
@given(st.lists(changes, min_size=1, max_size=3))
def test_undoing_at_once_gives_back_the_very_bytes(runs: list[list[tuple[str, int]]]) -> None:
    async def work(story: Story) -> None:
        states = []
        for each in runs:
            states.append(story.path.read_bytes())
            await story.run(each)
        after = [*states[1:], story.path.read_bytes()]
        undone = 0
        for before in reversed(states):
            if story.path.read_bytes() == before:
                continue  # the run changed nothing
            restored = await story.step(Undo(session=story.session))
            assert restored is not None
            assert restored.conflicts == ()
            assert story.path.read_bytes() == before
            undone += 1
        wanted = [now for before, now in zip(states, after, strict=True) if before != now]
        for now in wanted[-undone:] if undone else []:
            restored = await story.step(Redo(session=story.session))
            assert restored is not None
            assert restored.conflicts == ()
            assert story.path.read_bytes() == now

    asyncio.run(told(work))
