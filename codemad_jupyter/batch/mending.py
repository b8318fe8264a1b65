"""Asks a model to repair a failing cell while its kernel waits, and keeps the account of it.

The engine is built at the first failure: a notebook without one costs nothing. A repair is a proposal as
everywhere: it was tried away from the kernel's state, touches the failed cell alone, and is accepted through
the engine or, where that is the policy, only written down.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.batch.following import followed
from codemad_jupyter.batch.open_notebook import OpenNotebook
from codemad_jupyter.batch.repairs import MOST, ROUNDS, Repair, RepairPolicy, may_repair
from codemad_jupyter.protocol.commands import AcceptEdit, NewSession, Prompt, RejectRun, Target
from codemad_jupyter.protocol.edits import CellTarget, Edit, unified
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.events import EditProposed, EditSettled, EditTried, MessageDone, RunFinished
from codemad_jupyter.protocol.supply import Budget

if TYPE_CHECKING:
    from codemad_jupyter.notebooks.live import LiveKernel
    from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
    from codemad_jupyter.orchestrator.engine import Engine
    from codemad_jupyter.protocol.events import Event

_ASK = (
    "Cell {cell} of {notebook} failed in a run that nobody watches: {error}. Repair that cell with "
    "replace_cell, so that it does what it is for and the notebook can go on. Change nothing else: the cells "
    "above have run and stay as they are. If the cause lies elsewhere, say so and change nothing."
)


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What repairs are made with: the ``policy``, the workspace, the notebook's path in it, the model, the
    settings given on the way, and what all repairs together may use."""

    policy: RepairPolicy
    root: Path
    notebook: str
    model: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)


@dataclass
class _Broken:
    """A cell as it was when it first failed."""

    source: str
    outputs: list[Any]
    count: int | None
    tries: int = 0
    applied: bool = False


class Mender:
    """Repairs the cells of one execution. ``repairs`` is what was tried so far; ``ending`` says how a run for
    a repair ended early."""

    def __init__(self, node: Any, shop: Workshop, kernel: Callable[[], LiveKernel]) -> None:
        self.repairs: list[Repair] = []
        self.ending = ""
        self._node = node
        self._shop = shop
        self._open = OpenNotebook(node, shop.notebook)
        self._kernel = kernel
        self._live: LiveKernel | None = None
        self._engine: Engine | None = None
        self._session = ""
        self._broken: dict[int, _Broken] = {}

    async def kernel(self, target: Target) -> KernelPort | None:
        """See `Ports.kernel`."""
        return self._live

    async def notebook(self, target: Target) -> NotebookPort | None:
        """See `Ports.notebook`."""
        return self._open if target.notebook == self._shop.notebook else None

    async def mend(self, index: int, error: str) -> bool:
        """The cell at this 0-based place failed: shall it be executed again? Never raises for a model."""
        cell = self._node.cells[index]
        broken = self._broken.setdefault(
            index, _Broken(cell.source, copy.deepcopy(cell.outputs), cell.execution_count)
        )
        if broken.applied:  # the last try did not help
            self._settle("failed", text=f"then it failed with {error}")
            broken.applied = False
        if not may_repair(cell) or broken.tries >= ROUNDS or len(self.repairs) >= MOST:
            self._put_back(index)
            return False
        broken.tries += 1
        began = time.monotonic()
        try:
            repair = await self._asked(index, error, broken)
        except CodemadError as failure:
            repair = self._repair(index, error, broken, status="none", text=str(failure))
        seconds = round(time.monotonic() - began, 3)
        self.repairs.append(repair.model_copy(update={"seconds": seconds}))
        if not broken.applied:
            self._put_back(index)
        return broken.applied

    def ran(self, index: int) -> bool:
        """The cell at this place has run to its end: did a repair bring it there?"""
        broken = self._broken.get(index)
        if broken is None or not broken.applied:
            return False
        broken.applied = False
        self._settle("repaired")
        return True

    async def close(self) -> None:
        """End the engine, where there is one."""
        if self._engine is not None:
            await self._engine.close()
        if self._live is not None:
            self._live.close()

    async def _asked(self, index: int, error: str, broken: _Broken) -> Repair:
        engine = await self._started()
        cell = self._open.id_of(index)
        target = Target(notebook=self._shop.notebook, cell=cell)
        text = _ASK.format(cell=cell, notebook=self._shop.notebook, error=error)
        prompt = Prompt(
            session=self._session,
            text=text,
            target=target,
            model=self._shop.model,
            intent="fix",
            edge="batch",
        )
        self._open.open_cell = cell
        try:
            events = await followed(engine, prompt)
            return await self._decided(index, error, broken, events)
        finally:
            self._open.open_cell = ""

    async def _decided(self, index: int, error: str, broken: _Broken, events: list[Event]) -> Repair:
        finished = next(event for event in events if isinstance(event, RunFinished))
        edits = _proposed(events)
        edit = next((each for each in reversed(edits) if _mends(each, self._open.open_cell)), None)
        known = _account(events, finished)
        if edit is None:
            self.ending = finished.status if finished.status != "done" else self.ending
            text = finished.text if finished.status != "done" else _said(events)
            return self._repair(index, error, broken, status="none", text=text, **known)
        known |= {"diff": unified(edit), "trial": _trial(edit)}
        engine = await self._started()
        if self._shop.policy == "repair":
            accept = AcceptEdit(session=self._session, edit=edit.id)
            settled = [each for each in await followed(engine, accept) if isinstance(each, EditSettled)]
            broken.applied = bool(settled) and settled[-1].status == "accepted"
            if not broken.applied:
                text = settled[-1].detail if settled else "The proposal could not be applied."
                return self._repair(index, error, broken, status="none", text=text, **known)
        if len(edits) > broken.applied:  # nothing is left waiting for a person
            await engine.submit(RejectRun(session=self._session, run=finished.run or ""))
        return self._repair(index, error, broken, status="suggested", **known)

    async def _started(self) -> Engine:
        if self._engine is None:
            from codemad_jupyter.app.build import build_engine
            from codemad_jupyter.config.settings import load_settings

            self._live = self._kernel()
            settings = load_settings(self._shop.root, arguments=self._shop.settings)
            held = settings.budgets.model_copy(
                update={"session": tighter(settings.budgets.session, self._shop.budget)}
            )
            settings = settings.model_copy(update={"budgets": held})
            self._engine = await build_engine(self._shop.root, ports=self, settings=settings, attended=False)
            self._session = (await self._engine.submit(NewSession())).session
        return self._engine

    def _repair(self, index: int, error: str, broken: _Broken, **known: Any) -> Repair:
        return Repair(
            number=index + 1, cell=self._open.id_of(index), attempt=broken.tries, error=error, **known
        )

    def _settle(self, status: str, *, text: str = "") -> None:
        last = self.repairs[-1]
        self.repairs[-1] = last.model_copy(update={"status": status, "text": text or last.text})

    def _put_back(self, index: int) -> None:
        """The cell as it first failed: what did not help is no part of the result."""
        cell, broken = self._node.cells[index], self._broken[index]
        cell.source, cell.outputs = broken.source, copy.deepcopy(broken.outputs)
        cell.execution_count = broken.count


def tighter(held: Budget | None, given: Budget) -> Budget:
    """The lesser of both: all repairs of a notebook are one session, so its budget is theirs."""
    both = (held or Budget(), given)
    costs = [each.cost for each in both if each.cost is not None]
    tokens = [each.tokens for each in both if each.tokens is not None]
    return both[0].model_copy(update={"cost": min(costs, default=None), "tokens": min(tokens, default=None)})


def _proposed(events: list[Event]) -> list[Edit]:
    """The proposals with their trials, in order."""
    edits = {event.edit.id: event.edit for event in events if isinstance(event, EditProposed)}
    for event in events:
        if isinstance(event, EditTried) and event.edit in edits:
            edits[event.edit] = edits[event.edit].model_copy(update={"trial": event.trial})
    return list(edits.values())


def _mends(edit: Edit, cell: str) -> bool:
    """Is it for this cell alone, and did its trial not fail?"""
    target = edit.target
    if not isinstance(target, CellTarget) or target.op != "replace" or target.cell != cell:
        return False
    return edit.trial is None or edit.trial.status != "failed"


def _account(events: list[Event], finished: RunFinished) -> dict[str, Any]:
    models = [event.model for event in events if isinstance(event, MessageDone)]
    usage = finished.usage
    return {
        "model": models[-1] if models else "",
        "tokens": usage.input_tokens + usage.output_tokens,
        "cost": finished.cost,
    }


def _trial(edit: Edit) -> str:
    trial = edit.trial
    return "" if trial is None else f"{trial.status}: {trial.detail}".rstrip(": ")


def _said(events: list[Event]) -> str:
    """The model's last words, where it proposed nothing."""
    told = [event.message.text.strip() for event in events if isinstance(event, MessageDone)]
    return next((text for text in reversed(told) if text), "The model proposed nothing for this cell.")
