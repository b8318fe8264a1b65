"""What recording and measuring share: a copy of the demos, and an environment with nothing of the person."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

BINDER = Path(__file__).resolve().parent
LEFT = ("results", "team-work", "*.journal.jsonl", ".ipynb_checkpoints", ".codemad", "__pycache__")
"""What a run of the demos leaves."""
_THEIRS = ("CODEMAD_", "JUPYTER", "JPY_", "XDG_")


def copied(source: Path, target: Path) -> Path:
    """A copy of the folder without what runs left in it."""
    return Path(shutil.copytree(source, target, ignore=shutil.ignore_patterns(*LEFT)))


def environment(home: Path) -> dict[str, str]:
    """This Python and this checkout first, a home of its own, no settings, keys or proxies."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_THEIRS) and not name.endswith(("_API_KEY", "_proxy", "_PROXY"))
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    return {**kept, "HOME": str(home), "PATH": path, "PYTHONPATH": str(BINDER.parent)}
