"""Time of one edit in a notebook of 10,000 cells on disk: each kind of change, and what accepting does.

Run ``python tests/benchmarks/bench_notebook_edit.py``. The target is one second at most.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from codemad_jupyter.notebooks.files import FileNotebooks  # noqa: E402
from codemad_jupyter.protocol.edits import CellChange  # noqa: E402

TARGET = 1.0
CELLS = 10_000


def notebook() -> dict[str, Any]:
    """Cells of ten lines, each with an output."""
    cells = []
    for number in range(CELLS):
        output = {"name": "stdout", "output_type": "stream", "text": [f"result {number}\n"] * 5}
        source = [f"value_{number}_{line} = compute({line})  # step\n" for line in range(10)]
        cell = {"cell_type": "code", "execution_count": number, "id": f"cell-{number}", "metadata": {}}
        cells.append({**cell, "outputs": [output], "source": source})
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


CHANGES = {
    "replace": (CellChange(op="replace", cell="cell-5000", source="x = 1"),),
    "insert": (CellChange(op="insert", cell="new", source="x", anchor="cell-7000"),),
    "delete": (CellChange(op="delete", cell="cell-1"),),
    "move": (CellChange(op="move", cell="cell-9999", anchor="cell-2", position="before"),),
    "retype": (CellChange(op="retype", cell="cell-3", cell_type="markdown"),),
    "clear": (CellChange(op="clear", cell="cell-4"),),
    "100 changes": tuple(CellChange(op="clear", cell=f"cell-{n}") for n in range(100, 200)),
    "100 moves": tuple(CellChange(op="move", cell=f"cell-{n}", anchor="cell-9000") for n in range(100, 200)),
}


async def measure(root: Path) -> float:
    """Print the table; the longest time."""
    path, port, longest = root / "n.ipynb", FileNotebooks(root), 0.0
    path.write_text(json.dumps(notebook(), indent=1) + "\n")
    sys.stdout.write(f"{CELLS} cells, {path.stat().st_size / 1e6:.1f} MB\n")
    for name, changes in CHANGES.items():
        started = time.perf_counter()
        await port.apply("n.ipynb", changes)
        taken = time.perf_counter() - started
        longest = max(longest, taken)
        sys.stdout.write(f"{name:12} {taken * 1e3:7.1f} ms\n")
    started = time.perf_counter()
    await port.view("n.ipynb")
    await port.snapshot("n.ipynb")
    sys.stdout.write(f"{'view and snapshot':12} {(time.perf_counter() - started) * 1e3:7.1f} ms\n")
    return longest


def main() -> int:
    """1 when a change takes longer than the target."""
    with tempfile.TemporaryDirectory() as folder:
        return 1 if asyncio.run(measure(Path(folder))) > TARGET else 0


if __name__ == "__main__":
    sys.exit(main())
