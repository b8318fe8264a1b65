"""The words that may follow ``memory`` and ``sessions``. Imports argparse alone: a command line begins with
it."""

import argparse
from collections.abc import Callable, Sequence

MEMORY_VERBS = ("list", "add", "edit", "forget", "confirm", "search")
SESSION_VERBS = ("search",)
SCOPES = ("session", "project", "user", "role")
KINDS = ("fact", "preference", "decision")
WHICH = "number of the list, id or its beginning"


def add_memory_verbs(
    parser: argparse.ArgumentParser, *, common: Sequence[argparse.ArgumentParser] = ()
) -> None:
    """Give a parser the verbs of ``memory`` and their options; ``common`` are parents of each."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=type(parser))

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        return verbs.add_parser(
            name, help=text, description=text, parents=list(common), add_help=bool(common)
        )

    listing = verb("list", "list what is remembered, by scope")
    listing.add_argument("--scope", choices=SCOPES, help="only this scope")
    listing.add_argument("--waiting", action="store_true", help="only what waits to be confirmed")
    add = verb("add", "remember something")
    add.add_argument("text", nargs="+", metavar="TEXT", help="the fact, in a sentence")
    add.add_argument("--scope", choices=SCOPES, default="project", help="where it holds (default: project)")
    add.add_argument("--kind", choices=KINDS, default="fact", help="what it is (default: fact)")
    add.add_argument("--role", default="", metavar="NAME", help="whose fact it is, with --scope role")
    edit = verb("edit", "change one")
    edit.add_argument("memory", metavar="MEMORY", help=WHICH)
    edit.add_argument("text", nargs="*", metavar="TEXT", help="its new text")
    edit.add_argument("--kind", choices=KINDS, help="what it is")
    forget = verb("forget", "forget some for good, or all")
    forget.add_argument("memories", nargs="*", metavar="MEMORY", help=WHICH)
    forget.add_argument("--all", action="store_true", help="all of them")
    forget.add_argument("--scope", choices=SCOPES, help="with --all: all of this scope")
    confirm = verb("confirm", "keep one that waits")
    confirm.add_argument("memory", metavar="MEMORY", help=WHICH)
    search = verb("search", "find what is remembered about something")
    search.add_argument("words", nargs="+", metavar="WORD", help="what it is about")


def add_session_verbs(
    parser: argparse.ArgumentParser, *, common: Sequence[argparse.ArgumentParser] = ()
) -> None:
    """Give a parser the verbs of ``sessions``."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=type(parser))
    text = "find what past sessions said about something"
    search = verbs.add_parser(
        "search", help=text, description=text, parents=list(common), add_help=bool(common)
    )
    search.add_argument("words", nargs="+", metavar="WORD", help="what it is about")
    search.add_argument("-k", type=int, default=20, metavar="N", help="at most so many (default: 20)")


def memory_text() -> str:
    """The verbs of ``memory`` and their options, a line each."""
    return verbs_text("memory", add_memory_verbs)


def session_text() -> str:
    """The verbs of ``sessions``."""
    return verbs_text("sessions", add_session_verbs)


def verbs_text(name: str, add: Callable[[argparse.ArgumentParser], None]) -> str:
    """The verbs that ``add`` gives a parser, a line each with what they do."""
    parser = argparse.ArgumentParser(prog=name, add_help=False)
    add(parser)
    verbs = next(action.choices for action in parser._actions if isinstance(action.choices, dict))
    return "\n".join(
        f"  {verb.format_usage().removeprefix('usage: ').strip()}\n      {verb.description}"
        for verb in verbs.values()
    )
