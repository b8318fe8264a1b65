"""A run that takes chosen messages and edits of another branch over: messages as new entries where the
session stands, edits as new proposals for what is there now. Three-way, as for the
work of agents; what clashes is left out and named. Nothing of the person's is changed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.git.merge import Work, join
from codemad_jupyter.notebooks.cells import Notebook
from codemad_jupyter.orchestrator.branch_sides import Side
from codemad_jupyter.orchestrator.branching import called
from codemad_jupyter.orchestrator.bringing_in import LEFT_OUT
from codemad_jupyter.orchestrator.checkpointing import reach
from codemad_jupyter.orchestrator.joining import Plan, clash_text, joined
from codemad_jupyter.orchestrator.review import Reviewer
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.agents import WorkClash
from codemad_jupyter.protocol.commands import MergeBranch
from codemad_jupyter.protocol.edits import CellTarget, Edit, FileTarget, make_hunks, settled_text, whole_hunk
from codemad_jupyter.protocol.errors import CodemadError, NotFound, UsageError
from codemad_jupyter.protocol.events import Event, MessageDone, Notice, RunFinished, RunStarted
from codemad_jupyter.protocol.kernels import Cell
from codemad_jupyter.protocol.messages import Message, TextPart
from codemad_jupyter.store.sessions import Entry
from codemad_jupyter.tools.proposals import new_id

MOST = 500
"""Messages and edits that are taken over at once."""
BY_HAND = "do it by hand"


@dataclass(frozen=True)
class Chosen:
    """What is to be taken over."""

    name: str
    messages: tuple[Message, ...]
    edits: tuple[Edit, ...]


def choose(side: Side, asked: MergeBranch) -> Chosen:
    """The messages, as they were said, and the edits. Raises `NotFound` or `UsageError`."""
    if not asked.entries and not asked.edits:
        raise UsageError("Nothing is chosen.", hint="Name messages or edits: codemad sessions compare")
    if len(asked.entries) + len(asked.edits) > MOST:
        raise UsageError(f"More than {MOST} things are chosen.", hint="Take them over in parts.")
    entries = {entry.id: entry for entry in side.path}
    edits = side.session.state.edits
    missing = [id for id in asked.entries if id not in entries] + [
        id for id in asked.edits if id not in edits
    ]
    if missing:
        raise NotFound(f"The branch has no {missing[0]}.", hint="Compare the branches again.")
    wanted = (entries[id] for id in entries if id in asked.entries)
    messages = tuple(message for entry in wanted if (message := _as_said(entry)) is not None)
    return Chosen(called(side.branch), messages, tuple(edits[id] for id in edits if id in asked.edits))


def _as_said(entry: Entry) -> Message | None:
    """The words of a message; its calls of tools stay with their results, where they were."""
    if entry.message.role == "tool" or not entry.message.text.strip():
        return None
    return Message(role=entry.message.role, parts=(TextPart(text=entry.message.text),))


async def merge(
    services: Services, session: Session, reviewer: Reviewer, *, chosen: Chosen, asked: MergeBranch
) -> str:
    """Take it over; the id of the run."""
    run = new_id("run")
    started = RunStarted(prompt=f"Merge from “{chosen.name}”", model="", edge=asked.edge, target=asked.target)

    def emit(event: Event) -> None:
        session.bus.emit(event, run=run)

    emit(started)
    await session.bus.saved()
    try:
        for message in chosen.messages:
            await session.append(message, run=run)
            emit(MessageDone(id=new_id("message"), message=_shown(message), model=""))
        edits, clashes = await _proposals(services, chosen)
        for edit in edits:
            await reviewer.propose(edit, run=run, kernel=None)
        for clash in clashes:
            emit(Notice(level="warning", code=LEFT_OUT, text=clash_text(clash)))
        finished = RunFinished(status="done", text=_said(len(chosen.messages), len(edits), len(clashes)))
    except (CodemadError, OSError) as error:
        finished = RunFinished(status="failed", text=str(error))
    emit(finished)
    await session.bus.saved()
    return run


def _shown(message: Message) -> Message:
    """The message as the run shows it: what the person said, as a quote."""
    if message.role == "assistant":
        return message
    quoted = "\n".join(f"> {line}" for line in message.text.splitlines())
    return Message.assistant(quoted)


def _said(messages: int, edits: int, clashes: int) -> str:
    parts = [f"{messages} message{'s' if messages != 1 else ''}" if messages else ""]
    parts += [f"{edits} change{'s' if edits != 1 else ''} to review" if edits else ""]
    parts += [f"{clashes} left out" if clashes else ""]
    return f"{', '.join(filter(None, parts)) or 'Nothing: all of it is there already'}."


async def _proposals(services: Services, chosen: Chosen) -> tuple[list[Edit], list[WorkClash]]:
    edits: list[Edit] = []
    clashes: list[WorkClash] = []
    for edit in chosen.edits:
        try:
            plan = await _anew(services, edit, chosen.name)
        except CodemadError as error:
            plan = _left_out(edit, chosen.name, error.message)
        edits += plan.edits
        clashes += plan.clashes
    return edits, clashes


async def _anew(services: Services, edit: Edit, name: str) -> Plan:
    """The edit for what is there now."""
    theirs = settled_text(edit) if edit.status in ("accepted", "partial") else edit.after
    if isinstance(edit.target, CellTarget):
        view = await (await reach(services, edit.target.notebook)).view(edit.target.notebook)
        return _cell(edit, edit.target, view.cell(edit.target.cell), theirs=theirs, name=name)
    return await _file(services, edit, edit.target, theirs=theirs, name=name)


async def _file(services: Services, edit: Edit, target: FileTarget, *, theirs: str, name: str) -> Plan:
    if target.op == "move":
        return _left_out(edit, name, f"it moves the file: {BY_HAND}")

    async def notebook(path: str) -> Notebook:
        return await (await reach(services, path)).snapshot(path)

    base = edit.before.encode("utf-8", "surrogatepass") if target.exists else None
    made = None if target.op == "delete" else theirs.encode("utf-8", "surrogatepass")
    return await joined(Path(services.root), target.path, [Work(name, base, made)], notebook)


def _cell(edit: Edit, target: CellTarget, now: Cell | None, *, theirs: str, name: str) -> Plan:
    match target.op:
        case "insert" if now is None:
            return _again(edit, target, "", theirs, whole_hunk)
        case "insert" if now is not None and now.source == theirs:
            return Plan((), ())
        case "delete" if now is None:
            return Plan((), ())
        case "split" | "merge":
            return _left_out(edit, name, f"it splits or joins cells: {BY_HAND}")
        case _ if now is None:
            return _left_out(edit, name, "the cell is gone")
        case "replace" | "insert":
            return _replaced(edit, target, now.source, theirs=theirs, name=name)
        case "delete" if now.source != edit.before:
            return _left_out(edit, name, "the cell was changed since")
        case _:
            return _again(edit, target, now.source, "" if target.op == "delete" else now.source, whole_hunk)


def _replaced(edit: Edit, target: CellTarget, now: str, *, theirs: str, name: str) -> Plan:
    base = edit.before if target.op == "replace" else ""
    texts = [text.encode("utf-8", "surrogatepass") for text in (base, theirs, now)]
    place = f"{target.notebook}#{target.cell}"
    found = join(place, texts[2], [Work(name, texts[0], texts[1])])
    made = (found.content or b"").decode("utf-8", "surrogatepass")
    if made == now:
        return Plan((), found.clashes)
    plan = _again(edit, target.model_copy(update={"op": "replace"}), now, made, make_hunks)
    return Plan(plan.edits, found.clashes)


def _again(
    edit: Edit, target: CellTarget, before: str, after: str, hunks: Callable[[str, str], Iterable[object]]
) -> Plan:
    made = {"id": new_id("edit"), "target": target, "title": edit.title, "before": before, "after": after}
    return Plan((Edit.model_validate({**made, "hunks": tuple(hunks(before, after))}),), ())


def _left_out(edit: Edit, name: str, reason: str) -> Plan:
    path, cell = edit.place
    return Plan((), (WorkClash(path=path, cell=cell or "", agent=name, reason=reason),))
