"""Trying a proposal before it is offered: in a copy of the live kernel, by a replay, or by its syntax alone.

Chooses the way and asks for it; what a trial is and does lies in ``notebooks/trial`` and its neighbours.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from codemad_jupyter.notebooks import trial as trials
from codemad_jupyter.notebooks.ports import KernelPort
from codemad_jupyter.orchestrator.acting import done_line
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import CellTarget, Edit, FileTarget, Trial
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.kernels import NotebookView


@dataclass(frozen=True)
class Trier:
    """Tries the proposals of one session."""

    services: Services
    session: Session

    async def try_edit(self, edit: Edit, *, run: str, kernel: KernelPort | None) -> Trial | None:
        """The trial of a proposal; None where there is nothing that could be tried."""
        target = edit.target
        if isinstance(target, FileTarget):
            python = target.path.endswith(".py") and target.op != "delete"
            return trials.check_module(edit.after) if python else None
        if target.cell_type != "code" or target.op not in ("insert", "replace"):
            return None
        if not self.services.trial:
            return Trial(status="skipped", method="none", detail="Trials are switched off.")
        try:
            trial = await self._try_cell(target, edit.after, self._earlier(edit, run), kernel)
        except CodemadError as error:
            return Trial(status="skipped", method="none", detail=str(error))
        if trial.method in ("fork", "replay"):
            self._write_down(edit, target, run, trial)
        return trial.model_copy(update={"outputs": self._redacted(trial.outputs)})

    def _write_down(self, edit: Edit, target: CellTarget, run: str, trial: Trial) -> None:
        """Code ran, in a copy: that is an effect, though nothing is changed by it."""
        action = f"{edit.title} ({target.notebook}#{target.cell}), by {trial.method}"
        why = "the settings have proposals tried"
        line = done_line(
            self.session.id, run, "trial", action, axis="kernel_run", rule=why, outcome=trial.status
        )
        self.services.audit.record(line)

    async def _try_cell(self, target: CellTarget, code: str, before: str, kernel: KernelPort | None) -> Trial:
        services = self.services
        if kernel is None:
            view = await self._view(target)
            if view is not None and view.language != "python":
                return Trial(status="skipped", method="none", detail="Only Python code can be tried.")
            return await asyncio.to_thread(trials.check_syntax, code)
        trial = await kernel.try_code(
            code,
            before=before,
            timeout=services.trial_seconds,
            memory=services.trial_memory,
            method=services.trial_method,
        )
        if not isinstance(trial, trials.RefusedTrial) or services.trial_method == "fork":
            return trial
        return await self._replay(target, code, before, trial)

    async def _replay(
        self, target: CellTarget, code: str, before: str, refused: trials.RefusedTrial
    ) -> Trial:
        # The analysis of the notebook is not needed where kernels can be copied.
        from codemad_jupyter.notebooks.trial_replay import Replay, proposed_view, replay

        view = await self._view(target)
        if view is None:
            return refused
        whole = f"{before}\n\n{code}"  # what it all needs of the cells above
        work = Replay(
            view=proposed_view(view, target.cell, whole, target.anchor, target.position),
            cell=target.cell,
            code=code,
            before=before,
            timeout=self.services.trial_seconds * self.services.replay_factor,
            memory=self.services.trial_memory,
        )
        return await replay(work, refused)

    async def _view(self, target: CellTarget) -> NotebookView | None:
        try:
            port = await self.services.ports.notebook(Target(notebook=target.notebook))
            return None if port is None else await port.view(target.notebook)
        except CodemadError:
            return None  # without the notebook there is nothing to replay, and the syntax is still told

    def _earlier(self, edit: Edit, run: str) -> str:
        # A cell of the same answer may need what an earlier one, not accepted yet, defines.
        state = self.session.state
        earlier = []
        for id, other in state.edits.items():
            if id == edit.id:
                break
            if state.edit_runs[id] == run and other.status == "pending" and _is_code(other):
                earlier.append(other.after)
        return "\n\n".join(earlier)

    def _redacted(self, value: Any) -> Any:
        """Texts without the secrets that this side knows; images as they are."""
        if isinstance(value, str):
            return self.services.redact(value)
        if isinstance(value, dict):
            return {
                key: item if str(key).startswith("image/") else self._redacted(item)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return type(value)(self._redacted(item) for item in value)
        return value


def _is_code(edit: Edit) -> bool:
    target = edit.target
    if not isinstance(target, CellTarget) or target.cell_type != "code":
        return False
    return target.op in ("insert", "replace")
