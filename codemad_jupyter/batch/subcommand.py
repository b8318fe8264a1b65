"""What the subcommands of the command line share: their frame, their exit codes, and values they read."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_CODES = """\
exit codes:
  0    done
  1    a cell, the question, an edit or a check failed (a notebook is written as far as it got, edits are not)
  2    the command makes no sense: unknown option, unreadable notebook, kernel that is not installed
  3    a repair was stopped by a budget (codemad run, codemad batch)
  4    refused: it is not permitted, or cannot be done as safely as was asked for
  5    done, with repairs (codemad run, codemad batch)
  130  cancelled (Ctrl-C or a signal)
"""


def subcommand(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    """A subcommand with its help."""
    return commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_verb(parser: argparse.ArgumentParser, verbs: tuple[str, ...]) -> None:
    """Give a subcommand a verb, the first of them where none is given."""
    text = f"{', '.join(verbs)} (default: {verbs[0]})"
    parser.add_argument("verb", nargs="?", default=verbs[0], choices=verbs, metavar="VERB", help=text)


def seconds(text: str) -> float:
    """Seconds above zero, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above zero")
    return value


def amount(text: str) -> float:
    """US dollars, 0 or more, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of US dollars")
    return value


def count(text: str) -> int:
    """A whole number from 1, for argparse."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def unread() -> None:
    """Nobody reads standard output any more: what is left for it is dropped, also what Python writes at
    exit, which it would complain about."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
