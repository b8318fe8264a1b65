"""Two branches beside each other: what both have, and what each said and proposed after that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codemad_jupyter.orchestrator.branching import called, find
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.edits import Edit, unified
from codemad_jupyter.protocol.sessions import BranchComparison, BranchSide, SaidMessage, SideEdit
from codemad_jupyter.store.branches import Branch
from codemad_jupyter.store.sessions import Entry

TEXT = 20_000
"""Characters of a message or a diff that are shown."""


@dataclass(frozen=True)
class Side:
    """A branch with its conversation."""

    session: Session
    branch: Branch
    path: tuple[Entry, ...]

    @classmethod
    async def of(cls, services: Services, session: Session, branch: str) -> "Side":
        """That branch of the session (empty: the one it stands on). Raises `NotFound`."""
        found = find(await services.store.branches(session.id), branch or session.state.branch)
        return cls(session, found, await services.store.entries(session.id, found.head))


def compare(left: Side, right: Side) -> BranchComparison:
    """The two, from their common ancestor on."""
    common = shared(left.path, right.path)
    return BranchComparison(
        common=common,
        ancestor=said(left.path[common - 1]) if common else None,
        left=_side(left, common),
        right=_side(right, common),
    )


def shared(left: Sequence[Entry], right: Sequence[Entry]) -> int:
    """How many messages both begin with. A fork has copies of the entries: same message, same moment."""
    pairs = zip(left, right, strict=False)
    same = [a.id == b.id or (a.at == b.at and a.message == b.message) for a, b in pairs]
    return same.index(False) if False in same else len(same)


def said(entry: Entry) -> SaidMessage:
    """A message as it is listed."""
    message = entry.message
    return SaidMessage(
        entry=entry.id,
        run=entry.run,
        role=message.role,
        text=message.text[:TEXT],
        tools=tuple(call.name for call in message.tool_calls),
        at=entry.at,
    )


def _side(side: Side, common: int) -> BranchSide:
    after = side.path[common:]
    before = {entry.run for entry in side.path[:common]}
    return BranchSide(
        session=side.session.id,
        branch=side.branch.id,
        name=called(side.branch),
        messages=tuple(said(entry) for entry in after if entry.message.role != "tool"),
        edits=tuple(_edits(side.session, {entry.run for entry in after} - before)),
    )


def _edits(session: Session, runs: Iterable[str | None]) -> list[SideEdit]:
    wanted = set(runs)
    return [
        _shown(edit, run)
        for id, edit in session.state.edits.items()
        if (run := session.state.edit_runs[id]) in wanted
    ]


def _shown(edit: Edit, run: str) -> SideEdit:
    path, cell = edit.place
    return SideEdit(
        edit=edit.id,
        run=run,
        title=edit.title,
        status=edit.status,
        path=path,
        cell=cell,
        diff=unified(edit)[:TEXT],
    )
