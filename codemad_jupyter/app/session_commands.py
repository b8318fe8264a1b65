"""``sessions`` as a command with words after it: the same on the command line and behind the magic.

Reads the words, asks the engine through a client, and answers with text and with data for JSON.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codemad_jupyter.app import sharing_commands
from codemad_jupyter.app.client import EngineClient
from codemad_jupyter.app.memory_commands import Words
from codemad_jupyter.app.session_text import (
    branch_text,
    comparison_text,
    hit_line,
    list_text,
    ordered,
    pick_branch,
    pick_session,
    pick_turn,
    tree_text,
)
from codemad_jupyter.app.session_words import add_session_verbs
from codemad_jupyter.app.timeline_commands import Answer
from codemad_jupyter.app.timeline_text import restored_text
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.events import BranchChanged, EditProposed, Event, Notice, Restored, RunFinished
from codemad_jupyter.protocol.sessions import BranchSide, SessionTree
from codemad_jupyter.protocol.wording import counted

MOST_READ = 32 * 1024 * 1024
"""Bytes of a file that is imported."""


def read_session_words(words: Sequence[str]) -> argparse.Namespace:
    """What was typed after ``sessions``. Raises `UsageError`."""
    parser = Words(prog="%codemad sessions", add_help=False)
    add_session_verbs(parser)
    return parser.parse_args([*words] or ["list"])


def perform(client: EngineClient, asked: argparse.Namespace, *, edge: cmd.Edge) -> Answer:
    """Do what was asked after ``sessions``."""
    match asked.verb:
        case None | "list":
            return _list(client, asked)
        case "search":
            return _search(client, asked)
        case "import":
            ack = client.submit(cmd.ImportSession(text=_text_of(asked.file)))
            return Answer(f"Read as the session {ack.session[:8]}.", {"session": ack.session})
        case "shared":
            return sharing_commands.listed(client)
        case "visit":
            return sharing_commands.visit(client, asked)
    session = pick_session(client.sessions(), asked.session).id if asked.session else client.session()
    match asked.verb:
        case "pin" | "archive":
            return _arrange(client, asked, session)
        case "share" | "unshare":
            return sharing_commands.share(client, asked, session)
        case "export":
            return _export(client, asked, session)
        case "compare":
            return _compare(client, asked, session)
        case "merge":
            return _merge(client, asked, session, edge)
    tree = client.session_tree(session)
    match asked.verb:
        case "show":
            return Answer(tree_text(tree), tree.model_dump())
        case "name":
            return _name(client, asked, tree)
        case "fork":
            ack = client.submit(cmd.ForkSession(session=session, title=asked.title, **_place(asked, tree)))
            return Answer(f"Forked into the session {ack.session[:8]}.", {"session": ack.session})
        case "branch":
            made = cmd.MakeBranch(
                session=session, name=" ".join(asked.name), restore=asked.files, **_place(asked, tree)
            )
            return _taken(client, made)
    branch = pick_branch(tree, asked.branch).id
    return _taken(client, cmd.SwitchBranch(session=session, branch=branch, restore=asked.files))


def _list(client: EngineClient, asked: argparse.Namespace) -> Answer:
    current = client.session()  # first: it makes one where there is none
    shown = ordered(client.sessions(), archived=bool(getattr(asked, "archived", False)))
    data = {"sessions": [info.model_dump() for info in shown], "current": current}
    return Answer(list_text(shown, current), data)


def _search(client: EngineClient, asked: argparse.Namespace) -> Answer:
    if not 0 < asked.k <= 200:
        raise UsageError("-k is a number from 1 to 200.", hint="Leave it out for 20.")
    hits = client.search_sessions(" ".join(asked.words), asked.k)
    text = "\n".join(map(hit_line, hits)) or "No session said anything about that."
    return Answer(text, {"hits": [hit.model_dump() for hit in hits]})


def _place(asked: argparse.Namespace, tree: SessionTree) -> dict[str, Any]:
    if not asked.at:
        if asked.before:
            raise UsageError("Before which turn?", hint="Name one with --at.")
        return {}
    return {"run": pick_turn(tree, asked.at).run, "before": asked.before}


def _taken(client: EngineClient, command: cmd.MakeBranch | cmd.SwitchBranch | cmd.NameBranch) -> Answer:
    events = list(client.follow(client.submit(command)))
    texts = [branch_text(event) for event in events if isinstance(event, BranchChanged)]
    restored = [event for event in events if isinstance(event, Restored)]
    texts += [restored_text(event) for event in restored]
    data = {"events": [event.model_dump() for event in events if isinstance(event, BranchChanged | Restored)]}
    return Answer("\n".join(texts), data, ok=not any(event.conflicts for event in restored))


def _name(client: EngineClient, asked: argparse.Namespace, tree: SessionTree) -> Answer:
    name, session = " ".join(asked.name), tree.session.id
    if asked.branch:
        branch = pick_branch(tree, asked.branch).id
        return _taken(client, cmd.NameBranch(session=session, branch=branch, name=name))
    client.submit(cmd.RenameSession(session=session, title=name))
    return Answer(f"The session {session[:8]} is now “{name}”.", {"session": session, "title": name})


def _arrange(client: EngineClient, asked: argparse.Namespace, session: str) -> Answer:
    word, wanted = ("pinned" if asked.verb == "pin" else "archived"), not asked.off
    client.submit(cmd.ArrangeSession.model_validate({"session": session, word: wanted}))
    state = word if wanted else f"no longer {word}"
    return Answer(f"The session {session[:8]} is {state}.", {"session": session, word: wanted})


def _sides(client: EngineClient, asked: argparse.Namespace, session: str, against: str) -> Any:
    """The named branch on the right, where one stands (or ``against``) on the left."""
    infos = client.sessions()
    other = pick_session(infos, asked.of).id if asked.of else session
    left = pick_branch(client.session_tree(session), against).id if against else ""
    right = pick_branch(client.session_tree(other), asked.branch).id
    return client.compare_branches(session, left, right, other)


def _compare(client: EngineClient, asked: argparse.Namespace, session: str) -> Answer:
    found = _sides(client, asked, session, asked.against)
    return Answer(comparison_text(found), found.model_dump())


def _merge(client: EngineClient, asked: argparse.Namespace, session: str, edge: cmd.Edge) -> Answer:
    right: BranchSide = _sides(client, asked, session, "").right
    entries, edits = _chosen(right, asked.what)
    command = cmd.MergeBranch(
        session=session,
        branch=right.branch,
        other=right.session if right.session != session else "",
        entries=entries,
        edits=edits,
        edge=edge,
    )
    events = list(client.follow(client.submit(command)))
    return Answer("\n".join(filter(None, map(_merged, events))), {"events": [e.model_dump() for e in events]})


def _chosen(side: BranchSide, words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if list(words) == ["all"]:
        return tuple(m.entry for m in side.messages if m.text.strip()), tuple(e.edit for e in side.edits)
    entries, edits = [], []
    for word in words:
        number = word.removeprefix("e")
        among: Sequence[Any] = side.edits if word.startswith("e") else side.messages
        if not (number.isascii() and number.isdecimal() and 1 <= int(number) <= len(among)):
            raise UsageError(
                f"“{word}” is no number of the comparison.", hint="See: codemad sessions compare"
            )
        if word.startswith("e"):
            edits.append(side.edits[int(number) - 1].edit)
        else:
            entries.append(side.messages[int(number) - 1].entry)
    return tuple(entries), tuple(edits)


def _merged(event: Event) -> str:
    match event:
        case EditProposed():
            return f"Proposed: {event.edit.title}"
        case Notice() | RunFinished():
            return event.text
        case _:
            return ""


def _export(client: EngineClient, asked: argparse.Namespace, session: str) -> Answer:
    export = client.export_session(session, asked.format, asked.level)
    data = export.model_dump()
    if asked.output is None:
        return Answer(export.text.rstrip("\n"), data)
    write_new(asked.output, export.text)
    kept = f" Left out: {counted(export.withheld, 'place')}; --level lets more in." if export.withheld else ""
    return Answer(f"Wrote {asked.output}.{kept}", {**data, "text": ""})


def write_new(path: Path, text: str) -> None:
    """A new file that only the person can read; nothing that is there is touched, no link is followed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already.", hint="Name another file.") from None
    except OSError as error:
        if error.filename is None:  # it could be made, but not be filled
            path.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written ({error.strerror}).", hint="Name another.") from None


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_READ:
            raise UsageError(f"{path} is larger than {MOST_READ // 1024**2} MB.", hint="Export less of it.")
        return path.read_text(encoding="utf-8", errors="strict")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageError(f"{path} cannot be read ({reason}).", hint="Name an exported session.") from None
