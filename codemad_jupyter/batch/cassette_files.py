"""``codemad cassette``: what a cassette holds, whether it is sound, and how it is made smaller."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.subcommand import subcommand
from codemad_jupyter.protocol.wording import counted

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands
    from codemad_jupyter.gateway.cassette import Cassette
    from codemad_jupyter.gateway.cassette_care import Row

VERBS = {
    "show": "list the recorded calls",
    "check": "say whether every line can be read; exit code 1 if not",
    "prune": "leave out damaged lines and answers that were recorded again later",
}


def add_cassette(commands: Commands) -> None:
    """``codemad cassette``."""
    cassette = subcommand(
        commands,
        "cassette",
        "look at recorded answers, check them, make the file smaller",
        examples=("show answers.jsonl", "check answers.jsonl"),
    )
    words = "; ".join(f"{verb}: {text}" for verb, text in VERBS.items())
    cassette.add_argument("verb", choices=VERBS, metavar="VERB", help=words)
    cassette.add_argument("file", type=Path, metavar="FILE", help="the cassette")
    cassette.add_argument("--json", action="store_true", help="print the answer as JSON")
    cassette.set_defaults(perform=_perform)


def _perform(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.cassettes import opened

    cassette = opened(args.file)
    return {"show": _show, "check": _check, "prune": _prune}[args.verb](cassette, as_json=args.json)


def _show(cassette: Cassette, *, as_json: bool) -> int:
    from codemad_jupyter.app.plain_text import one_line
    from codemad_jupyter.gateway.cassette_care import rows

    for row in rows(cassette):
        print(json.dumps(asdict(row), ensure_ascii=False) if as_json else one_line(_line(row)))
    return 0


def _line(row: Row) -> str:
    old = "" if row.current else " (recorded again later)"
    return (
        f"{row.line:>5}  {row.model}  {counted(row.messages, 'message')}  {row.asked} -> {row.answered}{old}"
    )


def _check(cassette: Cassette, *, as_json: bool) -> int:
    calls = sum(1 for _ in cassette.records())
    found = {"calls": calls, "models": list(cassette.models), "damaged": sorted(cassette.damaged)}
    if as_json:
        print(json.dumps(found))
    else:
        lines = ", ".join(map(str, cassette.damaged))
        print(f"{counted(calls, 'call')} of {', '.join(cassette.models) or 'no model'}.")
        print(f"Damaged lines: {lines}." if cassette.damaged else "Every line can be read.")
    return 1 if cassette.damaged else 0


def _prune(cassette: Cassette, *, as_json: bool) -> int:
    from codemad_jupyter.gateway.cassette_care import prune

    before = cassette.path.stat().st_size
    calls = prune(cassette.path)
    after = cassette.path.stat().st_size
    found = {"calls": calls, "before": before, "after": after}
    print(
        json.dumps(found) if as_json else f"{counted(calls, 'call')} kept; {before:,} bytes became {after:,}."
    )
    return 0
