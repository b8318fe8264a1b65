"""Reads an exported session. The file is content that anybody may have written: it is checked, everything in
it gets a new name, and nothing of it can be approved, accepted or carried out."""

import json
import time
import uuid
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from codemad_jupyter.orchestrator.copying import KEPT, Renaming, numbered
from codemad_jupyter.orchestrator.exporting import FORMAT, VERSION
from codemad_jupyter.orchestrator.masking import Redact, masked_event, masked_message
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.errors import TooLarge, UsageError
from codemad_jupyter.protocol.events import (
    EVENT,
    BranchChanged,
    EditProposed,
    EditSettled,
    Event,
    Restored,
    RunFinished,
    RunStarted,
)
from codemad_jupyter.protocol.messages import Message, ThinkingPart
from codemad_jupyter.protocol.sessions import MAIN, SessionInfo
from codemad_jupyter.store.branches import Branch, Whole
from codemad_jupyter.store.sessions import Entry

MOST_CHARACTERS = 32 * 1024 * 1024
MOST_ROWS = 200_000
"""Entries, and events, of a session that is read."""
MOST_BRANCHES = 200
READ = KEPT | {"restored", "branch_changed"}
NOT_HERE = "It came with an imported session. Merge it into a session of yours to review it."


def imported(text: str, *, redact: Redact, known: frozenset[str]) -> tuple[Whole, list[Event]]:
    """The session of a file, under a new name, and its events. ``known`` are models that can be named.
    Raises `UsageError` or `TooLarge`."""
    document = _document(text)
    name = Renaming(lambda kind: f"{kind}-{uuid.uuid4().hex[:12]}")
    try:
        entries = _entries(document["entries"], name, redact)
        events = list(_settled(_events(document["events"], name, redact)))
        branches = _branches(document["branches"], name, {entry.id for entry in entries}, redact)
        info = _info(document["session"], name, known=known, redact=redact)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise _bad(_reason(error)) from None
    entries = tuple(entry.model_copy(update={"session": info.id}) for entry in entries)
    here = {branch.id: branch for branch in branches}
    if info.branch not in here:
        raise _bad("it stands on a branch it does not have")
    whole = Whole(info=info, head=here[info.branch].head, entries=entries, branches=branches)
    return whole, numbered(events, info.id)


def _document(text: str) -> dict[str, Any]:
    if len(text) > MOST_CHARACTERS:
        raise TooLarge(
            f"The file has {len(text):,} characters; {MOST_CHARACTERS:,} are read.", hint="Export less of it."
        )
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _bad("it is no JSON that can be read") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _bad("it does not call itself one")
    version = document.get("version")
    if version != VERSION:
        known = f"it has version {str(version)[:20]}, this CodeMAD reads {VERSION}"
        raise UsageError(f"The file cannot be read: {known}.", hint="Update CodeMAD Jupyter.")
    for part in ("entries", "events", "branches"):
        most = MOST_BRANCHES if part == "branches" else MOST_ROWS
        if not isinstance(document.get(part), list) or len(document[part]) > most:
            raise _bad(f"'{part}' is no list of at most {most:,}")
    return document


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _entries(rows: Iterable[Any], name: Renaming, redact: Redact) -> tuple[Entry, ...]:
    """The entries, parents first."""
    made: dict[str, Entry] = {}
    for row in rows:
        id, parent = str(row["id"]), row["parent"]
        if id in made or (parent is not None and str(parent) not in made):
            raise _bad("its messages make no tree")
        message = Message.model_validate(row["message"])
        parts = tuple(part for part in message.parts if not isinstance(part, ThinkingPart))
        made[id] = Entry(
            id=name("entry", id),
            session="",
            parent=None if parent is None else made[str(parent)].id,
            run=None if row["run"] is None else name("run", row["run"]),
            message=masked_message(message.model_copy(update={"parts": parts}), redact),
            at=float(row["at"]),
        )
    return tuple(made.values())


def _events(rows: Iterable[Any], name: Renaming, redact: Redact) -> Iterable[Event]:
    for row in rows:
        if row["type"] not in READ:
            continue
        event = EVENT.validate_python(row)
        run = None if event.run is None else name("run", event.run)
        event = event.model_copy(update={"run": run, "at": float(event.at)})
        match event:
            case EditProposed():
                made = event.edit.model_copy(update={"id": name("edit", event.edit.id)})
                event = event.model_copy(update={"edit": made})
            case Restored():
                both = {
                    key: tuple(name("run", run) for run in getattr(event, key)) for key in ("runs", "others")
                }
                event = event.model_copy(update={**both, "checkpoint": ""})
            case BranchChanged():
                runs = tuple(name("run", run) for run in event.runs)
                update = {"runs": runs, "branch": name("branch", event.branch), "checkpoint": None}
                event = event.model_copy(update=update)
            case _ if hasattr(event, "edit"):
                event = event.model_copy(update={"edit": name("edit", event.edit)})
            case _:
                pass
        yield masked_event(event, redact)


def _settled(events: Iterable[Event]) -> Iterable[Event]:
    """The events, with an end for what is open: runs that go on, edits that wait."""
    running: dict[str, None] = {}
    edits: dict[str, tuple[Edit, str]] = {}
    for event in events:
        if isinstance(event, RunStarted) and event.run:
            running[event.run] = None
        elif isinstance(event, RunFinished) and event.run:
            running.pop(event.run, None)
        elif isinstance(event, EditProposed) and event.run:
            edits[event.edit.id] = (event.edit, event.run)
        elif isinstance(event, EditSettled) and event.edit in edits:
            edit, run = edits[event.edit]
            hunks = tuple(
                h.model_copy(update={"status": event.hunks.get(h.id, h.status)}) for h in edit.hunks
            )
            edits[event.edit] = (edit.model_copy(update={"hunks": hunks}), run)
        yield event
    for edit, run in edits.values():
        waiting = {h.id: "rejected" if h.status == "pending" else h.status for h in edit.hunks}
        if edit.status == "pending":
            told = {"edit": edit.id, "status": "rejected", "hunks": waiting, "detail": NOT_HERE, "run": run}
            yield EditSettled.model_validate(told)
    for run in running:
        yield RunFinished(status="interrupted", text="The export ends here.", cost=None, run=run)


def _branches(rows: Iterable[Any], name: Renaming, entries: set[str], redact: Redact) -> tuple[Branch, ...]:
    found: dict[str, Branch] = {}
    for row in rows:
        head = None if row["head"] is None else name("entry", row["head"])
        if head is not None and head not in entries:
            raise _bad("a branch of it ends nowhere")
        id = name("branch", row["id"])
        title = redact(" ".join(str(row["name"]).split())[:100])
        found[id] = Branch(id=id, name=title, head=head, created=float(row["created"]))
    if MAIN not in found:
        raise _bad("it has no main branch")
    return tuple(found.values())


def _info(row: Any, name: Renaming, *, known: frozenset[str], redact: Redact) -> SessionInfo:
    read = SessionInfo.model_validate(row)
    now = time.time()
    return SessionInfo(
        id=uuid.uuid4().hex,
        title=redact(" ".join(read.title.split())[:200]) or "Imported session",
        model=read.model if read.model in known else "",
        created=now,
        updated=now,
        branch=name("branch", read.branch),
    )


def _bad(reason: str) -> UsageError:
    return UsageError(f"This is no session that can be read: {reason}.", hint="Export it again as JSON.")


def _reason(error: Exception) -> str:
    """What is wrong, without what was sent: that may be long or secret."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(str(step)[:40] for step in first['loc'][:6])}: {first['msg'][:200]}"
    if isinstance(error, KeyError):
        return f"{str(error.args[0])[:40]!r} is missing"
    return "part of it has another form"
