"""The words that may follow ``memory``. Imports argparse alone: a command line begins with it."""

import argparse
from collections.abc import Sequence

from codemad_jupyter.app.verbs import verb_maker, verbs_text

MEMORY_VERBS = ("list", "add", "edit", "forget", "confirm", "search")
SCOPES = ("session", "project", "user", "role")
KINDS = ("fact", "preference", "decision")
WHICH = "number of the list, id or its beginning"


def add_memory_verbs(
    parser: argparse.ArgumentParser, *, common: Sequence[argparse.ArgumentParser] = ()
) -> None:
    """Give a parser the verbs of ``memory`` and their options; ``common`` are parents of each."""
    verb = verb_maker(parser, common)
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


def memory_text() -> str:
    """The verbs of ``memory`` and their options, a line each."""
    return verbs_text("memory", add_memory_verbs)
