"""The words that may follow ``plan``. Imports argparse alone: a command line begins with it."""

import argparse
from collections.abc import Sequence

from codemad_jupyter.app.verbs import verb_maker, verbs_text

PLAN_VERBS = ("show", "approve", "edit", "add", "move", "remove", "drop")
TASK = "number of the list or id"


def add_plan_verbs(
    parser: argparse.ArgumentParser, *, common: Sequence[argparse.ArgumentParser] = ()
) -> None:
    """Give a parser the verbs of ``plan`` and their options; ``common`` are parents of each."""
    verb = verb_maker(parser, common)
    verb("show", "show the plan of the conversation")
    verb("approve", "carry it out, task by task, or go on with what is left")
    edit = verb("edit", "change a task")
    edit.add_argument("task", metavar="TASK", help=TASK)
    edit.add_argument("title", nargs="*", metavar="TITLE", help="its new title")
    add = verb("add", "add a task at the end")
    add.add_argument("title", nargs="+", metavar="TITLE", help="what is done")
    for each in (edit, add):
        each.add_argument("--detail", metavar="TEXT", help="details for whoever does it")
        each.add_argument("--minutes", type=float, metavar="M", help="about how long it takes")
        each.add_argument(
            "--after", metavar="TASKS", help="the tasks it needs, with commas; an empty text for none"
        )
    move = verb("move", "put a task at another place of the list")
    move.add_argument("task", metavar="TASK", help=TASK)
    move.add_argument("place", type=int, metavar="PLACE", help="the number it gets")
    remove = verb("remove", "drop a task")
    remove.add_argument("task", metavar="TASK", help=TASK)
    verb("drop", "drop the whole plan")


def plan_verbs_text() -> str:
    """The verbs of ``plan`` and their options, a line each."""
    return verbs_text("plan", add_plan_verbs)
