"""``codemad logs``: shows the log of CodeMAD's own work, and follows it."""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.subcommand import subcommand

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands

LINES = 50
PAUSE = 0.3
"""Seconds between two looks at a log that is followed."""


def add_logs(commands: Commands) -> None:
    """``codemad logs``."""
    logs = subcommand(
        commands,
        "logs",
        "show the log: what runs did, what went wrong; no words of yours",
        examples=("--lines 5", "--level error --follow"),
    )
    logs.add_argument("--follow", action="store_true", help="go on with what is added, until Ctrl-C")
    logs.add_argument(
        "--lines", type=int, default=LINES, metavar="N", help=f"the latest N, 0 for all (default: {LINES})"
    )
    logs.add_argument(
        "--level", choices=("debug", "info", "warning", "error"), default="debug", help="from this level on"
    )
    logs.add_argument("--session", default="", metavar="ID", help="of this session only")
    logs.add_argument("--run", default="", metavar="ID", help="of this run only")
    logs.add_argument("--path", action="store_true", help="only say where the log is")
    logs.add_argument("--json", action="store_true", help="print the lines as they are")
    logs.set_defaults(perform=_perform)


def _perform(asked: argparse.Namespace) -> int:
    from codemad_jupyter.app.log_text import Chosen, line_text, read_lines
    from codemad_jupyter.config.json_log import files, log_file
    from codemad_jupyter.config.settings import load_settings
    from codemad_jupyter.protocol.errors import UsageError

    if asked.lines < 0:
        raise UsageError("--lines is a number of lines, or 0 for all.")
    settings = load_settings(Path.cwd(), lenient=True)
    path = log_file(settings)
    if asked.path:
        print(path)
        return 0
    if settings.log_level == "off":
        print("codemad: the log is off; codemad config set log_level info turns it on.", file=sys.stderr)
    chosen = Chosen(level=asked.level, session=asked.session, run=asked.run)
    begin = path.stat().st_size if path.exists() else 0
    kept = collections.deque(read_lines(_text(files(path)), chosen), maxlen=asked.lines or None)
    added = read_lines(_added(path, begin), chosen) if asked.follow else iter(())
    for lines in (kept, added):
        for line in lines:
            shown = json.dumps(line, ensure_ascii=False) if asked.json else line_text(line)
            print(shown, flush=asked.follow)
    if not kept and not asked.follow:
        print(f"codemad: nothing of that is in {path}.", file=sys.stderr)
    return 0


def _text(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                yield from file
        except FileNotFoundError:
            continue  # it was put aside meanwhile


def _added(path: Path, begin: int) -> Iterator[str]:
    """What is added from that byte on, without end: also to a file that is put aside meanwhile, and to the
    one that takes its place."""
    known, rest = (path.stat().st_ino if path.exists() else 0), b""
    while True:
        with contextlib.suppress(FileNotFoundError):  # it is being put aside: the next look finds it
            for each in _unread(path, known):
                with each.open("rb") as file:
                    found = os.fstat(file.fileno())
                    is_known = found.st_ino == known and found.st_size >= begin
                    file.seek(begin if is_known else 0)
                    *whole, rest = (rest + file.read()).split(b"\n")
                    known, begin = found.st_ino, file.tell()
                yield from (line.decode("utf-8", "replace") for line in whole)
        time.sleep(PAUSE)


def _unread(path: Path, known: int) -> list[Path]:
    """The file of that number and those that came after it; the log alone where it is gone."""
    from codemad_jupyter.config.json_log import files

    found = files(path)
    numbers = [each.stat().st_ino for each in found]
    return found[numbers.index(known) :] if known in numbers else found[-1:]
