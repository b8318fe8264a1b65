"""The words that may follow ``sessions``. Imports argparse alone: a command line begins with it."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from codemad_jupyter.app.verbs import verb_maker, verbs_text

SESSION_VERBS = (
    "list", "show", "search", "fork", "branch", "switch", "compare", "merge", "name", "pin", "archive",
    "export", "import", "share", "unshare", "shared", "visit",
)  # fmt: skip
NEEDING = frozenset({"search", "switch", "compare", "merge", "name", "import", "share", "unshare", "visit"})
"""Verbs that make no sense without more words."""
PERMISSIONS = ("read", "comment", "drive")
FORMATS = ("markdown", "ipynb", "json")
LEVELS = ("schema", "statistics", "samples", "outputs", "images")
WHICH = "number of the list, title, id or its beginning (default: the current one)"
BRANCH = "name of a branch, id or its beginning"


def add_session_verbs(
    parser: argparse.ArgumentParser, *, common: Sequence[argparse.ArgumentParser] = ()
) -> None:
    """Give a parser the verbs of ``sessions``; ``common`` are parents of each."""
    verb = verb_maker(parser, common)
    listing = verb("list", "list the sessions, pinned ones first")
    listing.add_argument("--archived", action="store_true", help="those that were put away, too")
    show = verb("show", "show a session as a tree of turns, with its branches")
    show.add_argument("session", nargs="?", default="", metavar="SESSION", help=WHICH)
    search = verb("search", "find what past sessions said about something")
    search.add_argument("words", nargs="+", metavar="WORD", help="what it is about")
    search.add_argument("-k", type=int, default=20, metavar="N", help="at most so many (default: 20)")
    fork = verb("fork", "begin a new session with the conversation of one up to a turn")
    fork.add_argument("session", nargs="?", default="", metavar="SESSION", help=WHICH)
    fork.add_argument("--title", default="", metavar="TEXT", help="what it is called")
    branch = verb("branch", "begin a branch at a turn and stand on it")
    branch.add_argument("name", nargs="*", metavar="NAME", help="what it is called")
    switch = verb("switch", "stand on another branch; files stay as they are")
    switch.add_argument("branch", metavar="BRANCH", help=BRANCH)
    for each in (fork, branch):
        each.add_argument("--at", default="", metavar="TURN", help="number of a turn in show, or a run's id")
        each.add_argument("--before", action="store_true", help="what came before that turn")
    for each in (branch, switch):
        each.add_argument("--files", action="store_true", help="bring its files back as well; redo undoes it")
    compare = verb("compare", "put two branches beside each other")
    compare.add_argument("branch", metavar="BRANCH", help=BRANCH)
    compare.add_argument("against", nargs="?", default="", metavar="BRANCH", help="the other (default: here)")
    merge = verb("merge", "take messages and edits of a branch over; edits become proposals")
    merge.add_argument("branch", metavar="BRANCH", help=BRANCH)
    merge.add_argument("what", nargs="+", metavar="WHAT", help="numbers as in compare (2, e1), or all")
    name = verb("name", "name a session, or a branch of it")
    name.add_argument("name", nargs="+", metavar="NAME", help="the name")
    name.add_argument("--branch", default="", metavar="BRANCH", help=BRANCH)
    for each in (branch, switch, compare, merge, name):
        each.add_argument("--session", default="", metavar="SESSION", help=WHICH)
    for each in (compare, merge):
        each.add_argument("--of", default="", metavar="SESSION", help="the session that has the branch")
    _add_keeping(verb)
    _add_sharing(verb)


def _add_sharing(verb: Callable[[str, str], argparse.ArgumentParser]) -> None:
    share = verb("share", "let another person of the hub see the whole session, comment, or ask in it")
    unshare = verb("unshare", "let the person see no more of it")
    for each in (share, unshare):
        each.add_argument("session", nargs="?", default="", metavar="SESSION", help=WHICH)
        each.add_argument(
            "--with", dest="guest", required=True, metavar="NAME", help="as the hub writes the name"
        )
    share.add_argument(
        "--as",
        dest="permission",
        choices=PERMISSIONS,
        default="read",
        help="comment: may also say something; drive: may also ask, with what is allowed here",
    )
    verb("shared", "list what is shared with others, and what others share with you")
    visit = verb("visit", "read a session that somebody shares with you, or say something in it")
    visit.add_argument("which", metavar="WHICH", help="number in shared, id, title or owner")
    visit.add_argument("--follow", action="store_true", help="go on as it goes on (in a terminal)")
    visit.add_argument("--comment", default="", metavar="TEXT", help="say this to the people in it")
    visit.add_argument("--ask", default="", metavar="TEXT", help="ask this there, in your name")


def _add_keeping(verb: Callable[[str, str], argparse.ArgumentParser]) -> None:
    for name, text in (("pin", "keep a session above the others"), ("archive", "put a session away")):
        each = verb(name, text)
        each.add_argument("session", nargs="?", default="", metavar="SESSION", help=WHICH)
        each.add_argument("--off", action="store_true", help="no longer")
    export = verb("export", "write a session as a file, without secrets")
    export.add_argument("session", nargs="?", default="", metavar="SESSION", help=WHICH)
    export.add_argument("--format", choices=FORMATS, default="markdown", help="json can be imported again")
    export.add_argument("-o", "--output", type=Path, metavar="FILE", help="a new file (default: print it)")
    export.add_argument("--level", choices=LEVELS, help="data it may hold (default: the folder's)")
    reading = verb("import", "read a session that was exported as JSON")
    reading.add_argument("file", type=Path, metavar="FILE", help="the file")


def session_text() -> str:
    """The verbs of ``sessions`` and their options, a line each."""
    return verbs_text("sessions", add_session_verbs)
