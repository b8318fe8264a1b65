"""``codemad doctor``: what works here, as lines or as JSON."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codemad_jupyter.app.machine_checks import Check

MARKS = {"ok": "ok  ", "warning": "warn", "failed": "FAIL"}


def doctor(*, json: bool, online: bool = False) -> int:
    """Print the health report; 1 when something failed."""
    from codemad_jupyter.app.health import examine
    from codemad_jupyter.config.settings import load_settings

    root = Path.cwd()
    report = asyncio.run(examine(root, load_settings(root, lenient=True), online=online))
    if json:
        print(report.model_dump_json(indent=2))
    else:
        print(f"CodeMAD Jupyter {report.version}")
        for check in report.checks:
            print(_check_lines(check))
    return 0 if report.healthy else 1


def _check_lines(check: Check) -> str:
    line = f"{MARKS[check.state]}  {check.name:<17} {check.detail}"
    return f"{line}\n{'':<24}→ {check.hint}" if check.hint else line
