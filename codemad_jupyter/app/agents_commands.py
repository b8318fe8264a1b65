"""``agents`` as a command with words after it: the same on the command line and behind the magic.

The register of worktrees is made of files, so what concerns it needs no engine. Merging goes through one, for
what agents made is reviewed like every proposal; so does what is said to agents that are at work.
"""

import argparse
import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn

from codemad_jupyter.app.agents_desk import AgentsDesk, from_disk
from codemad_jupyter.app.agents_text import left_out_text, list_text, plan_text, show_text
from codemad_jupyter.app.agents_words import add_verbs
from codemad_jupyter.app.client import EngineClient
from codemad_jupyter.app.timeline_commands import Answer
from codemad_jupyter.app.timeline_text import difference_text
from codemad_jupyter.git.worktrees import Standing, Worktrees
from codemad_jupyter.orchestrator.bringing_in import LEFT_OUT
from codemad_jupyter.orchestrator.joining import clash_text
from codemad_jupyter.protocol.commands import AcceptEdit, Cancel, Edge, MergeAgents, Steer
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.errors import CodemadError, UsageError
from codemad_jupyter.protocol.events import EditProposed, EditSettled, Notice, RunFinished

Client = Callable[[], AbstractContextManager[EngineClient]]


class _Words(argparse.ArgumentParser):
    """Says what is wrong by an exception: nobody is to be thrown out of a notebook."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"agents: {message}.", hint=self.format_usage().strip())


def read_words(words: Sequence[str]) -> argparse.Namespace:
    """What was typed after ``agents``. Raises `UsageError`."""
    parser = _Words(prog="%codemad agents", add_help=False)
    add_verbs(parser)
    return parser.parse_args([*words] or ["list"])


def perform(root: Path, asked: argparse.Namespace, *, client: Client, edge: Edge) -> Answer:
    """Do what was asked for the workspace ``root``; ``client`` opens its engine."""
    if asked.verb == "merge" and not asked.check:
        with client() as opened:
            return _merge(opened, asked, edge)
    if asked.verb in ("stop", "steer"):
        with client() as opened:
            return _stop(opened, asked.agents) if asked.verb == "stop" else _steer(opened, asked)
    if asked.verb == "external":
        return _external(root.resolve(), asked)
    desk = _Desk(root)
    match asked.verb:
        case "new":
            return _awaited(desk.new(asked))
        case "show":
            return _awaited(desk.show(asked.agents))
        case "diff":
            return _awaited(desk.diff(asked.agents))
        case "merge":
            return _awaited(desk.check(asked.agents))
        case "drop":
            return _awaited(desk.drop(asked.agents, force=asked.force))
        case _:
            return _awaited(desk.listing())


def _awaited(work: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer, made in a thread: in a kernel this one has a loop that runs."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _external(root: Path, asked: argparse.Namespace) -> Answer:
    """The agents of others. Code in a kernel can call a magic, so nothing is approved from there."""
    from codemad_jupyter.app.external_desk import ExternalDesk, external_text
    from codemad_jupyter.config.settings import load_settings

    if asked.what != "list":
        said = f"This cannot be done from here: {asked.what} an agent."
        raise UsageError(said, hint=f"In a terminal: codemad agents external {asked.what} NAME")
    found = ExternalDesk(root, load_settings(root)).agents()
    return Answer(external_text(found), {"external": [each.model_dump() for each in found]})


class _Desk:
    """The worktrees of a folder, without an engine."""

    def __init__(self, root: Path) -> None:
        from codemad_jupyter.config.paths import workspace_dir
        from codemad_jupyter.config.settings import load_settings
        from codemad_jupyter.git.checkpoints import Checkpoints

        root = root.resolve()
        folder = workspace_dir(root, settings=load_settings(root))
        self._worktrees = Worktrees(root, folder, Checkpoints(root, folder))
        self._desk = AgentsDesk(self._worktrees, root, from_disk(root))

    async def listing(self) -> Answer:
        found = await self._desk.standings()
        return Answer(list_text(found), {"agents": [self._data(each) for each in found]})

    async def new(self, asked: argparse.Namespace) -> Answer:
        made = await self._worktrees.make(asked.agent, task=asked.task, carried=asked.carried)
        standing = await self._worktrees.look(made)
        text = f"The agent {made.id} has its files in {self._worktrees.folder(made)}"
        return Answer("\n".join([text, *left_out_text(made)]), self._data(standing))

    async def show(self, names: Sequence[str]) -> Answer:
        found = await self._desk.standings(names)
        texts = [show_text(each, self._worktrees.folder(each.worktree)) for each in found]
        return Answer("\n\n".join(texts), {"agents": [self._data(each) for each in found]})

    async def diff(self, names: Sequence[str]) -> Answer:
        lines: list[str] = []
        data: dict[str, Any] = {}
        for worktree in self._desk.chosen(names):
            differences = (await self._desk.work(worktree.id)).differences
            lines += [
                f"{worktree.id}:",
                *(map(difference_text, differences) if differences else ["  nothing changed"]),
            ]
            data[worktree.id] = [each.model_dump() for each in differences]
        return Answer("\n".join(lines), {"agents": data})

    async def check(self, names: Sequence[str]) -> Answer:
        found = await self._desk.plan(names)
        clashes = [clash_text(each) for each in found.clashes]
        return Answer(plan_text(found.edits, clashes), _plan_data(found.edits, clashes), ok=not clashes)

    async def drop(self, names: Sequence[str], *, force: bool) -> Answer:
        dropped = await self._desk.drop(names, force=force)
        return Answer(f"Dropped {', '.join(dropped)}.", {"dropped": dropped})

    def _data(self, standing: Standing) -> dict[str, Any]:
        worktree = standing.worktree
        return {
            **worktree.model_dump(exclude={"base"}),
            "folder": str(self._worktrees.folder(worktree)),
            "at_work": worktree.at_work,
            "changed": list(standing.changed),
            "besides": list(standing.besides),
            "trouble": standing.trouble,
            "bytes": standing.bytes,
        }


def _stop(client: EngineClient, names: Sequence[str]) -> Answer:
    """Stop agents of the run that goes on; the others go on."""
    session = client.session()
    for name in names:
        client.submit(Cancel(session=session, agent=name))
    return Answer(f"Stopped {', '.join(names)}.", {"stopped": list(names)})


def _steer(client: EngineClient, asked: argparse.Namespace) -> Answer:
    text = " ".join(asked.text)
    client.submit(Steer(session=client.session(), agent=asked.agent, text=text))
    return Answer(f"{asked.agent} reads it before its next step.", {"agent": asked.agent, "text": text})


def _merge(client: EngineClient, asked: argparse.Namespace, edge: Edge) -> Answer:
    session = client.session()
    ack = client.submit(MergeAgents(session=session, agents=tuple(asked.agents), edge=edge))
    edits: list[Edit] = []
    clashes: list[str] = []
    finished: RunFinished | None = None
    for event in client.follow(ack):
        match event:
            case EditProposed():
                edits.append(event.edit)
            case Notice(code=code) if code == LEFT_OUT:
                clashes.append(event.text)
            case RunFinished():
                finished = event
    if finished is None or finished.status != "done":
        said = finished.text if finished else "The engine did not say what it did."
        raise CodemadError(said, hint="Nothing was changed.")
    settled = {edit.id: _accept(client, session, edit.id) for edit in edits} if asked.apply else {}
    lines = [plan_text(edits, clashes), "" if settled else finished.text]
    if edits and not asked.apply:
        lines.append("Review them in the sidebar, or merge again with --apply.")
    failed = [f"“{edit.title}” was not applied: {why}" for edit in edits if (why := settled.get(edit.id))]
    if settled:
        lines.append(f"{len(edits) - len(failed)} of {len(edits)} changes are in your files now.")
    data = {**_plan_data(edits, clashes), "applied": asked.apply and not failed, "failed": failed}
    return Answer("\n".join(filter(None, [*lines, *failed])), data, ok=not clashes and not failed)


def _accept(client: EngineClient, session: str, edit: str) -> str:
    """Accept an edit; why that could not be done."""
    for event in client.follow(client.submit(AcceptEdit(session=session, edit=edit))):
        if isinstance(event, EditSettled) and event.edit == edit:
            return "" if event.status == "accepted" else event.detail or event.status
    return "the engine did not say what it did"


def _plan_data(edits: Sequence[Edit], clashes: Sequence[str]) -> dict[str, Any]:
    shown = [{"title": edit.title, **edit.target.model_dump()} for edit in edits]
    return {"edits": shown, "left_out": list(clashes)}
