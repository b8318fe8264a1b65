"""What the subcommands of the command line share: their frame, their exit codes, and values they read."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

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


class Parser(argparse.ArgumentParser):
    """Says what was surely meant, and lets the subcommand that was named speak of what it does not know."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unknown arguments: {' '.join(unknown)} (see {self.prog} --help)")
        return found, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        names = list(action.choices or ())
        if names and value not in names:
            near = difflib.get_close_matches(str(value), names, n=1)
            meant = f"did you mean {near[0]}?" if near else f"choose from {', '.join(names)}"
            raise argparse.ArgumentError(action, f"there is no {value!r}; {meant}")


def subcommand(
    commands: Commands, name: str, text: str, *, examples: Sequence[str] = ()
) -> argparse.ArgumentParser:
    """A subcommand with its help."""
    shown = "".join(f"  codemad {name} {each}".rstrip() + "\n" for each in examples)
    return commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=f"examples:\n{shown}\n{EXIT_CODES}" if shown else EXIT_CODES,
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
