"""Lines of the log, chosen and shown as a person reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from codemad_jupyter.app.plain_text import one_line, plain_text

GRAVITY = ("debug", "info", "warning", "error", "critical")
PLAIN = ("time", "level", "logger", "pid", "session", "run", "message", "error")


@dataclass(frozen=True)
class Chosen:
    """Which lines are wanted: from a level on, of a session or a run (or the beginning of its id)."""

    level: str = "debug"
    session: str = ""
    run: str = ""

    def takes(self, line: dict[str, Any]) -> bool:
        """Whether this one is."""
        level = str(line.get("level", "info"))
        grave = level not in GRAVITY or GRAVITY.index(level) >= GRAVITY.index(self.level)
        named = str(line.get("session", "")).startswith(self.session)
        return grave and named and str(line.get("run", "")).startswith(self.run)


def read_lines(lines: Iterable[str], chosen: Chosen) -> Iterator[dict[str, Any]]:
    """The lines that are wanted; one that a crash cut is passed over."""
    for text in lines:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and chosen.takes(line):
            yield line


def line_text(line: dict[str, Any]) -> str:
    """One line for a person; what went wrong at length stands below it."""
    moment = str(line.get("time", ""))[:19].replace("T", " ")
    who = str(line.get("run") or line.get("session") or "-")
    more = " ".join(f"{key}={value}" for key, value in line.items() if key not in PLAIN)
    head = (
        f"{moment} {line.get('level', ''):<7} {who:<16} {line.get('logger', '')}: {line.get('message', '')}"
    )
    shown = one_line(f"{head} {more}".rstrip())
    error = plain_text(str(line.get("error", ""))).rstrip()
    return f"{shown}\n{error}" if error else shown
