# ruff: noqa: PTH118, PTH123
"""A trial in a fresh process: runs the cells that the code needs, then the code, all of it in the cage.

Runs as a program of its own under the kernel's Python (3.9 or newer, IPython alone), for kernels that
must not be copied. The order is JSON on the standard input; the result is left in the folder.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from codemad_jupyter.notebooks.trial_child import Case, run_before, write_result
from codemad_jupyter.notebooks.trial_guard import enter_cage
from codemad_jupyter.notebooks.trial_settle import redirect, settle_shell
from codemad_jupyter.notebooks.trial_show import Record, capture


def alone() -> None:
    """The program: read the order, run, leave the result, go without any clean-up that could hang."""
    order = json.loads(sys.stdin.buffer.read())
    folder = order["folder"]
    done = False
    try:
        write_result(folder, run_alone(order, folder))
        done = True
    finally:
        os._exit(0 if done else 70)


def run_alone(order: dict[str, Any], folder: str) -> dict[str, Any]:
    """The verdict on the code after the cells before it; ``missing`` names bars that the system lacks."""
    sys.path.insert(0, "")
    redirect(folder)
    shell = fresh_shell()
    refused: list[str] = []
    shown: list[BaseException | None] = []
    settle_shell(shell, refused, shown)
    quiet = Record(os.path.join(folder, "before.json"))
    capture(shell, quiet)
    missing = enter_cage(folder, order["timeout"], refused, memory=order["memory"])
    for cell in order["cells"]:
        why = run_before(shell, cell["source"], quiet, refused, shown)
        if why:
            detail = cell["what"] + " cannot be replayed: " + why
            return {"status": "skipped", "detail": detail, "missing": missing}
    record = Record(os.path.join(folder, "outputs.json"))
    capture(shell, record)
    with open(os.path.join(folder, "replayed"), "w", encoding="utf-8") as file:
        file.write(missing)
    case = Case(shell, order["code"], record, refused, shown)
    result = case.judge(None, folder, noted=True)
    return {**result, "missing": missing}


def fresh_shell() -> Any:
    """An IPython shell that keeps no history and starts nothing of the person's profile."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell: Any = InteractiveShell.instance(config=config)
    sys.modules["__main__"] = shell.user_module
    return shell
