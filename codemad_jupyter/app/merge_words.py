"""The words that may follow ``merge``. Imports argparse alone: a command line begins with it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codemad_jupyter.protocol.merging import MergeChoice

SIDES: tuple[MergeChoice, ...] = ("ours", "theirs", "both", "base")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options beside the notebook."""
    parser.add_argument(
        "--take",
        choices=SIDES,
        metavar="SIDE",
        help="the side for every conflict that --choose does not name",
    )
    parser.add_argument(
        "--choose",
        action="append",
        default=[],
        metavar="N=SIDE",
        help="the side for conflict N (may be repeated)",
    )
    parser.add_argument("--check", action="store_true", help="only list the conflicts, write nothing")


def options_text() -> str:
    """The options, a line each."""
    parser = argparse.ArgumentParser(prog="merge", add_help=False)
    add_options(parser)
    rows = [(action.option_strings[0], action.metavar or "", action.help) for action in parser._actions]
    lines = [f"  {f'{name} {value}'.strip():<18}{text}" for name, value, text in rows]
    return "\n".join([*lines, f"  SIDE is one of {', '.join(SIDES)}."])
