"""The fall-back of a trial: the cells that the code needs, replayed in a fresh caged process, then the code.

For kernels that must not be copied. The live kernel is not asked for anything and keeps answering. The
process has no keys in its environment, no network, and writes nothing but its own folder; what runs in
it is `trial_alone`. Which cells are needed tells `dataflow`.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import site
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemad_jupyter.notebooks import dataflow, inspect, trial_scan, trial_watch
from codemad_jupyter.notebooks.run_times import ASK_TAGS
from codemad_jupyter.notebooks.trial import MEMORY, TRIAL_FILES, RefusedTrial, verdict
from codemad_jupyter.protocol.edits import Trial
from codemad_jupyter.protocol.kernels import Cell, NotebookView

ALONE_FILES = (*TRIAL_FILES, "trial_alone")
KEPT = ("PATH", "LANG", "LANGUAGE", "TZ", "VIRTUAL_ENV", "CONDA_PREFIX", "LD_LIBRARY_PATH", "PYTHONPATH")
COSTLY = ASK_TAGS | {"effects", "skip-replay"}
MOST_CELLS = 200


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What to replay, and within what: the notebook as it would be, the proposed cell, the new code and
    what was proposed ``before`` it.

    ``timeout`` covers all cells together, ``memory`` is in bytes.
    """

    view: NotebookView
    cell: str
    code: str
    before: str = ""
    timeout: float = 30.0
    memory: int = MEMORY


def proposed_view(
    view: NotebookView, cell: str, source: str, anchor: str | None, position: str
) -> NotebookView:
    """The notebook with the cell as proposed: replaced where it is, else inserted at its anchor."""
    made = Cell(id=cell, cell_type="code", source=source)
    cells = list(view.cells)
    ids = [each.id for each in cells]
    if cell in ids:
        cells[ids.index(cell)] = made
    elif anchor is None:
        cells.insert(0 if position == "before" else len(cells), made)
    else:
        at = ids.index(anchor) if anchor in ids else len(cells) - 1
        cells.insert(at + (position == "after"), made)
    return view.model_copy(update={"cells": tuple(cells)})


async def replay(work: Replay, refused: RefusedTrial) -> Trial:
    """Try the code in a fresh process, in the place of the trial that the kernel refused."""
    if refused.status == "failed":
        return refused
    needed = await asyncio.to_thread(needed_cells, work.view, work.cell)
    why = objection(needed)
    if why:
        return refused.model_copy(update={"detail": f"{refused.detail}; not replayed: {why}"})
    return await run(work, needed, refused)


def needed_cells(view: NotebookView, cell: str) -> tuple[Cell, ...]:
    """The code cells that must run before it, in order."""
    found = (view.cell(each) for each in dataflow.graph(view).needed_for(cell))
    return tuple(each for each in found if each is not None and each.cell_type == "code")


def objection(cells: Sequence[Cell]) -> str:
    """Why these cells must not be run again unseen; empty when nothing speaks against it."""
    from IPython.core.inputtransformer2 import TransformerManager

    if len(cells) > MOST_CELLS:
        return f"it needs {len(cells)} cells above it"
    transform: Any = TransformerManager().transform_cell  # type: ignore[no-untyped-call]
    for cell in cells:
        costly = COSTLY.intersection(tag.lower() for tag in cell.tags)
        if costly:
            return f"cell {cell.id}, which it needs, is tagged {min(costly)}"
        source = transform(cell.source)
        reason = "" if trial_scan.syntax_error(source) else trial_scan.effect(source, transform)
        if reason:
            return f"cell {cell.id}, which it needs, reaches outside: {reason}"
    return ""


async def run(work: Replay, needed: Sequence[Cell], refused: RefusedTrial) -> Trial:
    """Run it all in a process of its own and judge what it left."""
    begin = time.monotonic()
    folder = tempfile.mkdtemp(prefix="codemad-trial-")
    try:
        cells = [{"what": f"cell {cell.id}, which it needs,", "source": cell.source} for cell in needed]
        if work.before:
            cells.append({"what": "what was proposed before it", "source": work.before})
        order = {
            "cells": cells,
            "code": work.code,
            "timeout": work.timeout,
            "memory": work.memory,
            "folder": folder,
        }
        status = await _run_process(order, refused, work.timeout)
        state = _result(folder, status)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    found = verdict(state, work.timeout, time.monotonic() - begin)
    if found.method == "syntax":
        return found
    said = [found.detail, f"replayed in a fresh process, because {refused.why}"]
    if state.get("missing"):
        said.append(f"this system has no {state['missing']} to confine it")
    replayed = tuple(cell.id for cell in needed) if state["replayed"] else ()
    return found.model_copy(update={"replayed": replayed, "detail": "; ".join(part for part in said if part)})


async def _run_process(order: dict[str, Any], refused: RefusedTrial, timeout: float) -> int | None:
    """The wait status of the process; None where it had to be killed."""
    folder = order["folder"]
    program = Path(folder, "alone.py")
    await asyncio.to_thread(program.write_text, f"{inspect.bundle(ALONE_FILES)}\nalone()\n", "utf-8")
    process = await asyncio.create_subprocess_exec(
        refused.python or sys.executable,
        "-B",
        str(program),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=refused.cwd or None,
        env=environment(folder),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout):
            await process.communicate(json.dumps(order).encode())
        return process.returncode
    except TimeoutError:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())


def _result(folder: str, status: int | None) -> dict[str, Any]:
    """What the process left; its way of ending as the wait status that `trial_watch` reads."""
    code = 0 if status is None else (-status if status < 0 else status << 8)
    state = trial_watch.result_in(folder, code)
    if status is None and not Path(folder, "result.json").exists():
        state = {**trial_watch.late_end(), "outputs": state["outputs"]}
    if state.get("method") != "syntax":
        state["method"] = "replay"
    state["replayed"] = Path(folder, "replayed").exists()
    return state


def environment(folder: str) -> dict[str, str]:
    """What a program needs to start, and no more: no keys, no tokens, a home of its own."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith("LC_")}
    homes = dict.fromkeys(("HOME", "TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME"), folder)
    base = site.getuserbase() if hasattr(site, "getuserbase") else ""
    more = {
        "PYTHONUSERBASE": base,
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    return {**kept, **homes, **more}
