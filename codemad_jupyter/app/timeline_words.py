"""The words that may follow ``checkpoints``. Imports argparse alone: a command line begins with it."""

import argparse
from collections.abc import Sequence

from codemad_jupyter.app.verbs import verb_maker, verbs_text

VERBS = ("list", "show", "diff", "restore", "make", "name", "prune")
WHICH = "number of the list, name, id or its beginning"


def add_verbs(parser: argparse.ArgumentParser, *, common: Sequence[argparse.ArgumentParser] = ()) -> None:
    """Give a parser the verbs and their options; ``common`` are parents of each."""
    verb = verb_maker(parser, common)
    listing = verb("list", "list the checkpoints, newest last")
    listing.add_argument("--session", metavar="ID", help="only those of this session")
    show = verb("show", "say all that is known of one")
    show.add_argument("checkpoint", metavar="CHECKPOINT", help=WHICH)
    diff = verb("diff", "say what differs between two, or between one and now")
    diff.add_argument("old", metavar="CHECKPOINT", help=WHICH)
    diff.add_argument("new", nargs="?", metavar="CHECKPOINT", help="the other one (default: now)")
    restore = verb("restore", "bring files, notebooks and conversation back to one; redo takes it back")
    restore.add_argument("checkpoint", metavar="CHECKPOINT", help=WHICH)
    restore.add_argument("paths", nargs="*", metavar="PATH", help="only these files, folders and notebooks")
    make = verb("make", "make one now")
    make.add_argument("name", nargs="*", metavar="NAME", help="its name")
    make.add_argument("--notebook", metavar="PATH", help="a notebook whose cells it holds")
    name = verb("name", "name one; without a name the name goes")
    name.add_argument("checkpoint", metavar="CHECKPOINT", help=WHICH)
    name.add_argument("name", nargs="*", metavar="NAME", help="the name")
    prune = verb("prune", "forget old ones; named ones stay")
    prune.add_argument("--days", type=float, metavar="N", help="those older than N days")
    prune.add_argument("--keep", type=int, metavar="N", help="all but the newest N")
    prune.add_argument("--size", type=int, metavar="BYTES", help="the oldest beyond so many bytes of cells")
    prune.add_argument("--named", action="store_true", help="named ones too")


def timeline_text() -> str:
    """The verbs and their options, a line each."""
    return verbs_text("checkpoints", add_verbs)
