"""The words that may follow ``agents``. Imports little: a command line begins with it."""

import argparse
from collections.abc import Sequence

from codemad_jupyter.app.verbs import verb_maker, verbs_text

VERBS = ("list", "new", "show", "diff", "merge", "drop", "stop", "steer", "external")


def add_verbs(parser: argparse.ArgumentParser, *, common: Sequence[argparse.ArgumentParser] = ()) -> None:
    """Give a parser the verbs and their options; ``common`` are parents of each."""
    verb = verb_maker(parser, common)

    def about(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made.add_argument("agents", nargs="+", metavar="AGENT", help="its name in the list")
        return made

    verb("list", "list the agents' worktrees: whose, what changed in them, what they take on the disk")
    new = verb("new", "make a folder for an agent: the files as they are now, also what is not committed")
    new.add_argument("agent", metavar="NAME", help="its name")
    new.add_argument("--task", default="", metavar="TEXT", help="what it is for")
    new.add_argument(
        "--with",
        dest="carried",
        action="append",
        default=[],
        metavar="PATH",
        help="an ignored file or folder to copy too (may be repeated)",
    )
    about(verb("show", "say all that is known of some"))
    about(verb("diff", "say what agents changed"))
    merging = "propose what agents changed as one review; where two clash the first named has the say"
    merge = about(verb("merge", merging))
    which = merge.add_mutually_exclusive_group()
    which.add_argument("--apply", action="store_true", help="accept all that is proposed")
    which.add_argument("--check", action="store_true", help="only say what would be proposed and left out")
    drop = about(verb("drop", "remove worktrees of which nothing would be lost"))
    drop.add_argument("--force", action="store_true", help="also if something would be lost")
    about(verb("stop", "stop agents of the run that goes on; the others go on"))
    steer = verb("steer", "say something to an agent at work: it is read before its next step")
    steer.add_argument("agent", metavar="AGENT", help="its name in the run; main is the one you asked")
    steer.add_argument("text", nargs="+", metavar="TEXT", help="what it should know or do instead")
    external = verb("external", "agents of others that can be given a task with /agent NAME WHAT")
    external.add_argument(
        "what",
        nargs="?",
        default="list",
        choices=("list", "approve", "revoke", "test"),
        help="list them; in a terminal also: approve one as it is defined, revoke that, or try it",
    )
    external.add_argument("name", nargs="?", metavar="NAME", help="the agent")
    external.add_argument(
        "--digest",
        metavar="SHA256",
        help="approve without a question exactly the definition that list --json shows",
    )


def agents_text() -> str:
    """The verbs and their options, a line each."""
    return verbs_text("agents", add_verbs)
