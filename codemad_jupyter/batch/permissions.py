"""``codemad permissions`` and ``codemad audit``: what agents may do in a folder, and what they did."""

from __future__ import annotations

import argparse
import json
import re
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.subcommand import add_verb, subcommand

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands

VERBS = ("list", "revoke", "test")
_SPANS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def add_permissions(commands: Commands) -> None:
    """``codemad permissions``."""
    text = "show mode, rules and what you allowed for good; take that back; try a command against the rules"
    permissions = subcommand(commands, "permissions", text)
    add_verb(permissions, VERBS)
    permissions.add_argument(
        "word",
        nargs="?",
        metavar="WORD",
        help="revoke: how the digest begins; test: the command line, as one word",
    )
    _common(permissions)
    permissions.set_defaults(perform=_permissions)


def add_audit(commands: Commands) -> None:
    """``codemad audit``."""
    audit = subcommand(commands, "audit", "list what was done for agents here, and what was refused")
    audit.add_argument(
        "--tail", type=_count, default=20, metavar="N", help="the last N lines (default: 20; 0: all)"
    )
    audit.add_argument(
        "--since", type=_moment, default=0.0, metavar="WHEN", help="from then on: 2h, 3d, or 2030-01-31T12:00"
    )
    audit.add_argument("--run", default="", metavar="ID", help="of this run alone")
    _common(audit)
    audit.set_defaults(perform=_audit)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, default=Path(), metavar="DIR", help="the folder (default: here)")
    parser.add_argument("--json", action="store_true", help="print it as JSON; audit: one object a line")


def _permissions(args: argparse.Namespace) -> int:
    from codemad_jupyter.app import permitting
    from codemad_jupyter.config.settings import load_settings
    from codemad_jupyter.protocol.errors import UsageError

    settings = load_settings(args.root, lenient=True)
    if args.verb == "list":
        found = permitting.holding(args.root, settings)
        print(found.model_dump_json(indent=2) if args.json else permitting.holding_text(found))
        return 0
    if args.word is None:
        raise UsageError("A word is missing.", hint=f"Usage: codemad permissions {args.verb} WORD")
    if args.verb == "revoke":
        print(permitting.revoke(args.root, settings, args.word))
        return 0
    decision = permitting.tried(args.root, settings, args.word)
    print(json.dumps(asdict(decision), indent=2) if args.json else permitting.tried_text(decision))
    return 0 if decision.outcome == "allow" else 1


def _audit(args: argparse.Namespace) -> int:
    from codemad_jupyter.app import permitting
    from codemad_jupyter.config.settings import load_settings

    settings = load_settings(args.root, lenient=True)
    lines = permitting.audit(args.root, settings, tail=args.tail, since=args.since, run=args.run)
    if args.json:
        for line in lines:
            print(line.model_dump_json())
    else:
        print(permitting.audit_text(lines))
    return 0


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines")
    return int(text)


def _moment(text: str) -> float:
    """A span before now, or a date."""
    span = re.fullmatch(r"(\d+)([smhd])", text)
    if span:
        return time.time() - int(span[1]) * _SPANS[span[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a span such as 2h nor a date") from None
