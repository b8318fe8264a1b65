"""Runs a notebook again in a throw-away kernel and says which cells fail or differ.

The kernel works in a private copy of the folder (`mirror`), may write nowhere else where the system can
see to that (`confined`), and sees only the variables of the environment on a list. What counts as the
same is decided in `compare`; nothing here writes a file of the person's.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from codemad_jupyter.notebooks import confined, document
from codemad_jupyter.notebooks.cells import Notebook, cell_ids, source_of, tags_of
from codemad_jupyter.notebooks.compare import difference
from codemad_jupyter.notebooks.dataflow import graph
from codemad_jupyter.notebooks.environment import allowed_environment
from codemad_jupyter.notebooks.headless import HeadlessNotebook
from codemad_jupyter.notebooks.mirror import base_of, mirror
from codemad_jupyter.protocol.errors import KernelError, UsageError
from codemad_jupyter.protocol.kernels import NotebookView
from codemad_jupyter.protocol.verification import Verdict, VerdictStatus, Verification
from codemad_jupyter.protocol.wording import counted

SECONDS = 600.0
"""How long a cell may take where nobody said."""
GRACE = 5.0
TEMPORARY = os.path.realpath(tempfile.gettempdir())


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What to run again: ``cells`` are ids, none means all; ``folder`` is where the notebook lies,
    ``root`` the workspace around it, ``timeout`` the seconds that one cell may take."""

    notebook: Notebook
    path: str
    folder: Path
    root: Path | None = None
    cells: tuple[str, ...] = ()
    timeout: float | None = None


async def verify(
    proof: Proof, *, environ: Mapping[str, str], said: Callable[[Verdict], None] | None = None
) -> Verification:
    """Run and compare. Raises `UsageError` for what cannot be begun and `KernelError` without a kernel.

    ``said`` hears each verdict as it comes. Being cancelled kills the kernel.
    """
    began = time.monotonic()
    view = document.view(proof.notebook, proof.path)
    chosen = chosen_cells(view, proof.cells)
    verdicts: list[Verdict] = []
    async with _kernel(proof, environ) as (running, place, notes):
        work = _Rerun(running, proof, place=place)
        for cell in chosen:
            verdicts.append(await work.verdict(cell, blocked=bool(verdicts) and _stops(verdicts[-1])))
            if said is not None:
                said(verdicts[-1])
    missing, disordered = counts(view)
    return Verification(
        notebook=proof.path,
        same=not any(each.status in ("differs", "failed", "not_run") for each in verdicts),
        cells=tuple(verdicts),
        missing=missing,
        out_of_order=disordered,
        notes=notes,
        seconds=round(time.monotonic() - began, 3),
    )


def chosen_cells(view: NotebookView, wanted: tuple[str, ...]) -> list[str]:
    """The ids of the cells to run, in order: all, or those wanted and what they need."""
    code = [cell.id for cell in view.cells if cell.cell_type == "code" and cell.source.strip()]
    unknown = [cell for cell in wanted if cell not in code]
    if unknown:
        raise UsageError(
            f"{view.path} has no code cell {', '.join(unknown)}.", hint=f"Its cells: {', '.join(code[:50])}."
        )
    if not wanted:
        return code
    if view.language != "python":
        raise UsageError(
            f"What cells need is not known for {view.language}.", hint="Run the whole notebook again."
        )
    flow = graph(view)
    needed = {*wanted, *(each for cell in wanted for each in flow.needed_for(cell))}
    return [cell for cell in code if cell in needed]


def counts(view: NotebookView) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Cells whose stored count is missing, and those whose count is lower than one above."""
    missing, disordered, highest = [], [], 0
    for cell in view.cells:
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if cell.execution_count is None:
            missing.append(cell.id)
            continue
        if cell.execution_count < highest:
            disordered.append(cell.id)
        highest = max(highest, cell.execution_count)
    return tuple(missing), tuple(disordered)


def _stops(verdict: Verdict) -> bool:
    return verdict.status in ("failed", "not_run")


@dataclass(frozen=True)
class _Place:
    """Where the copy is, and what it is a copy of."""

    private: str
    original: str


@asynccontextmanager
async def _kernel(
    proof: Proof, environ: Mapping[str, str]
) -> AsyncIterator[tuple[HeadlessNotebook, _Place, tuple[str, ...]]]:
    top = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="codemad-verify-", dir=TEMPORARY))
    base = base_of(proof.folder, proof.root)
    private = top / base.name
    copied, linked = await asyncio.to_thread(mirror, base, private)
    own = {"TMPDIR": str(top / "tmp"), "IPYTHONDIR": str(top / "ipython"), "CODEMAD_HEADLESS": "1"}
    (top / "tmp").mkdir()
    try:
        async with HeadlessNotebook(
            json.loads(json.dumps(proof.notebook)),
            proof.path,
            folder=private / proof.folder.relative_to(base),
            environment=allowed_environment(environ) | own | {"CODEMAD_POLICY": "off"},
            cell_timeout=proof.timeout or SECONDS,
            prefix=_prefix(top),
            connection_file=top / "kernel.json",
        ) as running:
            yield running, _Place(str(private), str(base)), _notes(copied, linked)
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, top, ignore_errors=True))


def _prefix(top: Path) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", confined.__file__, str(top)) if confined.version() else ()


def _notes(copied: int, linked: int) -> tuple[str, ...]:
    more = f", {linked} larger or further ones linked for reading" if linked else ""
    guard = "Landlock refused all writing outside it"
    if not confined.version():
        guard = "this system has no Landlock, so writing to other places was not refused"
    return (f"Ran in a private copy of the folder ({counted(copied, 'file')} copied{more}); {guard}.",)


class _Rerun:
    """Runs one cell after the other and judges it."""

    def __init__(self, running: HeadlessNotebook, proof: Proof, *, place: _Place) -> None:
        self._running = running
        self._proof = proof
        self._place = place
        ids = cell_ids(proof.notebook)
        self._stored = dict(zip(ids, proof.notebook["cells"], strict=True))
        self._numbers = {cell: at for at, cell in enumerate(ids, 1)}

    async def verdict(self, cell: str, *, blocked: bool) -> Verdict:
        """How the cell did."""
        stored, number = self._stored[cell], self._numbers[cell]
        if blocked:
            return Verdict(cell=cell, number=number, status="not_run", detail="a cell before it failed")
        if source_of(stored).lstrip().startswith(("%%codemad", "%codemad")):
            return Verdict(
                cell=cell, number=number, status="unrecorded", detail="asks the assistant; not run"
            )
        began = time.monotonic()
        failure, outputs = await self._run(cell, tags_of(stored))
        seconds = round(time.monotonic() - began, 3)
        if failure:
            return Verdict(cell=cell, number=number, status="failed", detail=failure, seconds=seconds)
        if stored.get("execution_count") is None and not stored.get("outputs"):
            detail = "no stored run to compare with"
            return Verdict(cell=cell, number=number, status="unrecorded", detail=detail, seconds=seconds)
        diff = await asyncio.to_thread(difference, stored.get("outputs", []), outputs, now=datetime.now())
        status: VerdictStatus = "differs" if diff else "same"
        return Verdict(cell=cell, number=number, status=status, diff=diff, seconds=seconds)

    async def _run(self, cell: str, tags: tuple[str, ...]) -> tuple[str, tuple[dict[str, Any], ...]]:
        """Why the cell failed, or its outputs."""
        limit = self._proof.timeout or SECONDS
        late = f"took more than {limit:g} seconds"
        # A task of its own: nbclient takes a cancellation for the death of the kernel.
        task = asyncio.ensure_future(self._running.execute_cell(self._proof.path, cell))
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # looked at
        try:
            done, _ = await asyncio.wait({task}, timeout=limit + GRACE)
            if not done:
                return f"{late} and ignores the interrupt", ()
            result = task.result()
        except KernelError as error:
            return str(error), ()
        finally:
            task.cancel()
        if not result.ok and result.seconds >= limit:
            return late, ()
        if not result.ok and "raises-exception" not in tags:
            return f"{result.error_name}: {self._here(result.error_message)}"[:500], ()
        return "", tuple(json.loads(self._here(json.dumps(result.outputs))))

    def _here(self, text: str) -> str:
        """The text with the folder's own name in place of the copy's."""
        return text.replace(self._place.private, self._place.original)


def account(report: Verification) -> str:
    """The report as a person reads it in a terminal."""
    lines = []
    for each in report.cells:
        if each.status != "same":
            lines.append(f"cell {each.number} ({each.cell}): {each.status} {each.detail}".rstrip())
            lines += [f"    {line}" for line in each.diff.split("\n") if line]
    for cells, text in (
        (report.missing, "stored without a count"),
        (report.out_of_order, "stored out of order"),
    ):
        if cells:
            lines.append(f"{text}: {', '.join(cells)}")
    same = sum(each.status == "same" for each in report.cells)
    lines.append(f"{same} of {counted(len(report.cells), 'cell')} gave what is stored.")
    return "\n".join([*lines, *report.notes])
