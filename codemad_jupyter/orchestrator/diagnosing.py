"""What language servers say of a proposal: the document as it would be is looked at, against what it is now.

Builds both states from the document, the other proposals of the run and the names that live in the kernel.
Never in the way: a proposal is announced before, and whatever goes wrong here only means that less is known.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from codemad_jupyter.context.diagnostics.documents import Document
from codemad_jupyter.context.diagnostics.environments import kernel_prefix
from codemad_jupyter.context.diagnostics.noise import Known
from codemad_jupyter.notebooks import changes
from codemad_jupyter.notebooks.ports import KernelPort
from codemad_jupyter.orchestrator.cell_changes import cell_changes
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.diagnostics import Diagnosis
from codemad_jupyter.protocol.edits import CellTarget, Edit, FileTarget
from codemad_jupyter.protocol.errors import CodemadError, NotFound, StaleEdit
from codemad_jupyter.protocol.events import EditDiagnosed, Notice
from codemad_jupyter.tools.diagnostics import document_of, kernel_of, known_names, of_notebook

DEADLINE = 3.0
"""Seconds after which the model goes on without; servers that are up answer in a small part of it."""
READING = 2.0
"""Seconds more, for reading the document."""
MOST_PROBLEMS = 20
CHANGING = ("insert", "replace", "delete", "move", "retype", "split", "merge")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class States:
    """A document before a proposal and after it; ``kernel`` is the kernel's name, of a notebook."""

    before: Document | None
    after: Document
    kernel: str | None = None


@dataclass
class Diagnoser:
    """Looks at the proposals of one session."""

    services: Services
    session: Session
    _told: set[str] = field(default_factory=set)

    async def diagnose(self, edit: Edit, *, run: str, kernel: KernelPort | None) -> None:
        """Tell what problems the proposal would bring, if it brings some."""
        if self.services.diagnostics.mode == "off":
            return
        try:
            async with asyncio.timeout(self._deadline + self.services.inspect_deadline + READING):
                diagnosis = await self._diagnosis(edit, run, kernel)
        except (CodemadError, TimeoutError):
            return  # without the document there is nothing to look at; the proposal stands all the same
        except Exception:
            _log.exception("the proposal %s could not be diagnosed", edit.id)
            return
        if diagnosis is None:
            return
        if diagnosis.problems:
            self.session.bus.emit(EditDiagnosed(edit=edit.id, diagnosis=diagnosis), run=run)
        if diagnosis.detail and diagnosis.detail not in self._told:
            self._told.add(diagnosis.detail)
            notice = Notice(level="info", code="diagnostics", text=f"Diagnostics: {diagnosis.detail}")
            self.session.bus.emit(notice, run=run)

    @property
    def _deadline(self) -> float:
        """Who waits longer for a kernel waits as long for a language server."""
        return max(DEADLINE, self.services.inspect_deadline)

    async def _diagnosis(self, edit: Edit, run: str, kernel: KernelPort | None) -> Diagnosis | None:
        target = edit.target
        if isinstance(target, FileTarget):
            states = _file_states(edit, target)
        else:
            states = await self._cell_states(edit, target, run)
        if states is None or states.before == states.after:
            return None
        notebook = states.after.cells is not None
        known = await known_names(kernel, deadline=self.services.inspect_deadline) if notebook else Known()
        prefix = await asyncio.to_thread(kernel_prefix, states.kernel)
        return await self.services.diagnostics.compare(
            states.before,
            states.after,
            deadline=self._deadline,
            known=Known(known.names, known.more, self._proposed_files()),
            prefix=prefix,
            most=MOST_PROBLEMS,
        )

    async def _cell_states(self, edit: Edit, target: CellTarget, run: str) -> States | None:
        if target.op not in CHANGING or (target.cell_type != "code" and target.op in ("insert", "replace")):
            return None
        port = await self.services.ports.notebook(Target(notebook=target.notebook))
        if port is None:
            return None
        document = await port.snapshot(target.notebook)
        for other in self._earlier(edit, target, run):
            document = _applied(other, document)
        before = of_notebook(document, target.notebook)
        after = of_notebook(_applied(edit, document), target.notebook)
        if before is None or after is None:
            return None
        return States(before, after, kernel_of(document))

    def _earlier(self, edit: Edit, target: CellTarget, run: str) -> list[Edit]:
        # A cell of the same answer may need what an earlier one, not accepted yet, defines.
        state = self.session.state
        earlier = []
        for id, other in state.edits.items():
            if id == edit.id:
                break
            same = isinstance(other.target, CellTarget) and other.target.notebook == target.notebook
            if same and state.edit_runs[id] == run and other.status == "pending":
                earlier.append(other)
        return earlier

    def _proposed_files(self) -> frozenset[str]:
        edits = self.session.state.edits.values()
        pending = [each.target for each in edits if each.status == "pending"]
        return frozenset(
            PurePosixPath(target.to or target.path).as_posix()
            for target in pending
            if isinstance(target, FileTarget) and target.op != "delete"
        )


def _file_states(edit: Edit, target: FileTarget) -> States | None:
    if target.op == "delete" or edit.before == edit.after:
        return None
    after = document_of(target.to or target.path, edit.after)
    before = document_of(target.to or target.path, edit.before) if target.exists else None
    return None if after is None else States(before, after)


def _applied(edit: Edit, document: dict[str, Any]) -> dict[str, Any]:
    """The document with the whole edit in it; as it is where the edit no longer fits."""
    assert isinstance(edit.target, CellTarget)  # noqa: S101 - chosen by the callers
    wanted = edit.settle([hunk.id for hunk in edit.hunks], "accepted")
    try:
        return changes.apply(document, cell_changes(edit, wanted, edit.target, document))
    except (StaleEdit, NotFound):
        return document
