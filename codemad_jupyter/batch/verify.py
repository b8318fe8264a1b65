"""``codemad verify``: run a notebook again in a throw-away kernel, and say which cells fail or differ.

The file is only read. What counts as the same is decided in `notebooks.compare`.
"""

from __future__ import annotations

import asyncio
import json as json_format
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from codemad_jupyter.batch.documents import read_notebook
from codemad_jupyter.batch.kernel_environment import kernel_environment
from codemad_jupyter.protocol.errors import KernelError, UsageError
from codemad_jupyter.protocol.kernels import NotebookView


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What to prove; ``cells`` are ids, none means all."""

    notebook: Path
    cells: tuple[str, ...] = ()
    timeout: float | None = None
    json: bool = False


@dataclass(frozen=True)
class Verdict:
    """How one cell did: same, differs, failed, unrecorded (nothing stored to compare) or not_run."""

    cell: str
    number: int
    status: str
    detail: str = ""
    diff: str = ""


def verify(proof: Proof) -> int:
    """Run and compare; the exit code. Raises `UsageError` for what cannot be begun."""
    from codemad_jupyter.notebooks import document

    notebook = json_format.loads(json_format.dumps(read_notebook(proof.notebook)))
    view = document.view(notebook, proof.notebook.name)
    chosen = _chosen(view, proof.cells)
    verdicts = asyncio.run(_run(proof, notebook, view, chosen))
    bad = [each for each in verdicts if each.status in ("differs", "failed", "not_run")]
    report = {
        "notebook": str(proof.notebook),
        "same": not bad,
        "cells": [asdict(each) for each in verdicts],
        "counts": _counts(view),
    }
    print(json_format.dumps(report, indent=2) if proof.json else _text(report, verdicts))
    return 1 if bad else 0


def _chosen(view: NotebookView, wanted: tuple[str, ...]) -> list[str]:
    """The ids of the cells to run, in order."""
    code = [cell.id for cell in view.cells if cell.cell_type == "code" and cell.source.strip()]
    unknown = [cell for cell in wanted if cell not in code]
    if unknown:
        raise UsageError(
            f"{view.path} has no code cell {', '.join(unknown)}.", hint=f"Its cells: {', '.join(code[:50])}."
        )
    if not wanted:
        return code
    if view.language != "python":
        raise UsageError(f"What cells need is not known for {view.language}.", hint="Leave out --cells.")
    from codemad_jupyter.notebooks.dataflow import graph

    flow = graph(view)
    needed = {*wanted, *(each for cell in wanted for each in flow.needed_for(cell))}
    return [cell for cell in code if cell in needed]


async def _run(
    proof: Proof, notebook: dict[str, Any], view: NotebookView, chosen: list[str]
) -> list[Verdict]:
    from codemad_jupyter.notebooks.cells import cell_ids
    from codemad_jupyter.notebooks.headless import HeadlessNotebook

    stored = dict(zip(cell_ids(notebook), notebook["cells"], strict=True))
    environment = kernel_environment(os.environ, ()) | {"CODEMAD_HEADLESS": "1", "CODEMAD_POLICY": "off"}
    verdicts: list[Verdict] = []
    async with HeadlessNotebook(
        notebook,
        view.path,
        folder=proof.notebook.resolve().parent,
        environment=environment,
        cell_timeout=proof.timeout,
    ) as running:
        for cell in chosen:
            number = next(at for at, each in enumerate(view.cells, 1) if each.id == cell)
            if verdicts and verdicts[-1].status in ("failed", "not_run"):
                verdicts.append(Verdict(cell, number, "not_run", "a cell before it failed"))
            else:
                verdicts.append(
                    await _one(running, view.path, stored[cell], cell=cell, number=number, proof=proof)
                )
    return verdicts


async def _one(
    running: Any, path: str, stored: dict[str, Any], *, cell: str, number: int, proof: Proof
) -> Verdict:
    from codemad_jupyter.notebooks.cells import source_of, tags_of
    from codemad_jupyter.notebooks.compare import difference

    if source_of(stored).lstrip().startswith("%%codemad"):
        return Verdict(cell, number, "unrecorded", "asks the assistant; not run")
    try:
        result = await running.execute_cell(path, cell)
    except KernelError as error:
        return Verdict(cell, number, "failed", str(error))
    if not result.ok and "raises-exception" not in tags_of(stored):
        late = proof.timeout is not None and result.seconds >= proof.timeout
        why = (
            f"took more than {proof.timeout:g} seconds"
            if late
            else f"{result.error_name}: {result.error_message}"
        )
        return Verdict(cell, number, "failed", why[:500])
    if stored.get("execution_count") is None and not stored.get("outputs"):
        return Verdict(cell, number, "unrecorded", "no stored run to compare with")
    diff = difference(stored.get("outputs", []), result.outputs, now=datetime.now())
    return Verdict(cell, number, "differs" if diff else "same", diff=diff)


def _counts(view: NotebookView) -> dict[str, list[str]]:
    """Cells whose stored count is missing, or lower than one above."""
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
    return {"missing": missing, "out_of_order": disordered}


def _text(report: dict[str, Any], verdicts: list[Verdict]) -> str:
    lines = []
    for each in verdicts:
        if each.status != "same":
            lines.append(f"cell {each.number} ({each.cell}): {each.status} {each.detail}".rstrip())
            lines += [f"    {line}" for line in each.diff.split("\n") if line]
    for kind, text in (("missing", "stored without a count"), ("out_of_order", "stored out of order")):
        if report["counts"][kind]:
            lines.append(f"{text}: {', '.join(report['counts'][kind])}")
    same = sum(each.status == "same" for each in verdicts)
    lines.append(f"{same} of {len(verdicts)} cells gave what is stored.")
    return "\n".join(lines)
