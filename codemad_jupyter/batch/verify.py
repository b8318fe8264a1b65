"""``codemad verify``: run a notebook again in a throw-away kernel, and say which cells fail or differ.

Owns the command's reading and printing; the work is done in `notebooks.verify`.
"""

from __future__ import annotations

import asyncio
import json as json_format
import os
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.batch.documents import read_notebook


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to verify; ``cells`` are ids, none means all."""

    notebook: Path
    cells: tuple[str, ...] = ()
    timeout: float | None = None
    json: bool = False


def verify(order: Order) -> int:
    """Run and compare; the exit code. Raises `UsageError` for what cannot be begun."""
    from codemad_jupyter.notebooks import verify as verifying

    notebook = json_format.loads(json_format.dumps(read_notebook(order.notebook)))
    proof = verifying.Proof(
        notebook=notebook,
        path=order.notebook.name,
        folder=order.notebook.resolve().parent,
        cells=order.cells,
        timeout=order.timeout,
    )
    report = asyncio.run(verifying.verify(proof, environ=os.environ))
    print(report.model_dump_json(indent=2) if order.json else verifying.account(report))
    return 0 if report.same else 1
