"""A session as a file: Markdown and a notebook to be read, JSON that can be read again. Secrets are masked,
and what the data level does not let out is left out. Pure."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from codemad_jupyter.orchestrator.masking import Redact, masked_wholly
from codemad_jupyter.orchestrator.privacy import outgoing
from codemad_jupyter.protocol.edits import CellTarget, Edit, unified
from codemad_jupyter.protocol.events import CellExecuted, EditProposed, EditTried, Event, ToolDone, Verified
from codemad_jupyter.protocol.messages import ImagePart, Message, ToolResultPart
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.sessions import SessionInfo
from codemad_jupyter.store.branches import Branch
from codemad_jupyter.store.sessions import Entry
from codemad_jupyter.tools.data_levels import allows, limited, withheld

FORMAT = "codemad-session"
VERSION = 1
UNKNOWN: DataLevel = "outputs"
"""What a result needs of which nobody noted it."""


@dataclass
class Exporting:
    """What is exported, and what the level kept out of it so far."""

    info: SessionInfo
    branches: Sequence[Branch]
    entries: Sequence[Entry]
    events: Sequence[Event]
    level: DataLevel
    redact: Redact
    withheld: int = 0
    levels: dict[str, DataLevel | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = (part for entry in self.entries for part in entry.message.parts)
        self.levels |= {part.id: part.level for part in parts if isinstance(part, ToolResultPart)}

    def message(self, message: Message) -> Message:
        """The message as it may leave."""
        parts = message.parts
        self.withheld += sum(isinstance(p, ImagePart) and not allows(self.level, "images") for p in parts)
        results = (part for part in parts if isinstance(part, ToolResultPart))
        self.withheld += sum(not allows(self.level, part.level or UNKNOWN) for part in results)
        return outgoing((message,), self.level, self.redact)[0]

    def edit(self, edit: Edit) -> Edit:
        """The edit with what its trial may tell."""
        return edit.model_copy(update={"trial": limited(edit.trial, self.level, source=edit.after)})

    def event(self, event: Event) -> Event | None:
        """The event as it may leave; None where nothing of it may."""
        match event:
            case ToolDone() if not self._may(self.levels.get(event.call) or UNKNOWN):
                event = event.model_copy(
                    update={"content": withheld(event.content, self.level), "summary": ""}
                )
            case EditProposed():
                event = event.model_copy(update={"edit": self.edit(event.edit)})
            case EditTried():
                event = event.model_copy(update={"trial": limited(event.trial, self.level)})
            case Verified() if not self._may("outputs"):
                return None
            case CellExecuted() if event.error and not self._may("samples"):
                event = event.model_copy(update={"error": event.error.partition(":")[0]})
            case _:
                pass
        return masked_wholly(event, self.redact)

    def _may(self, needed: DataLevel) -> bool:
        fits = allows(self.level, needed)
        self.withheld += not fits
        return fits


def as_json(what: Exporting) -> str:
    """All of it, to be read again."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "level": what.level,
        "session": _masked_info(what).model_dump(),
        "branches": [
            {**branch.model_dump(exclude={"checkpoint"}), "name": what.redact(branch.name)}
            for branch in what.branches
        ],
        "entries": [
            {**entry.model_dump(exclude={"session"}), "message": what.message(entry.message).model_dump()}
            for entry in what.entries
        ],
        "events": [told.model_dump() for event in what.events if (told := what.event(event)) is not None],
    }
    return json.dumps(document, indent=1) + "\n"


def _masked_info(what: Exporting) -> SessionInfo:
    return what.info.model_copy(update={"title": what.redact(what.info.title), "origin": ""})


@dataclass(frozen=True)
class Piece:
    """A part of the conversation to be read: what somebody said, or an edit."""

    who: str
    text: str
    edit: Edit | None = None


def pieces(
    what: Exporting, path: Sequence[Entry], edits: dict[str, Edit], runs: dict[str, str]
) -> list[Piece]:
    """The conversation in order; the edits of a run after its messages."""
    found: list[Piece] = []
    for at, entry in enumerate(path):
        message = what.message(entry.message)
        if message.role == "tool":
            found += [Piece("tool", f"{part.name}: {part.content}") for part in message.parts
                      if isinstance(part, ToolResultPart)]  # fmt: skip
        elif message.text.strip():
            found.append(Piece(message.role, message.text))
        following = path[at + 1].run if at + 1 < len(path) else None
        if entry.run != following:
            found += [_of_edit(what, edits[id]) for id, run in runs.items() if run == entry.run]
    return found


def _of_edit(what: Exporting, edit: Edit) -> Piece:
    told = masked_wholly(EditProposed(edit=what.edit(edit)), what.redact)
    assert isinstance(told, EditProposed)  # noqa: S101 - masking keeps the type
    return Piece("edit", told.edit.title, told.edit)


TOOL = 4_000
"""Characters of a tool's result in what is to be read."""


def as_markdown(what: Exporting, conversation: Sequence[Piece]) -> str:
    """The conversation as a page."""
    info = _masked_info(what)
    blocks = [f"# {_line(info.title) or 'Conversation'}", f"Model: {_line(info.model)}"]
    heads = {"user": "## You", "assistant": "## CodeMAD"}
    for piece in conversation:
        if piece.edit is not None:
            path, cell = piece.edit.place
            where = f"{path}, cell {cell}" if cell else path
            blocks += [f"**{_line(piece.text)}** ({_line(where)}; {piece.edit.status})"]
            blocks += [fenced(unified(piece.edit), "diff")]
        elif piece.who == "tool":
            blocks += [fenced(piece.text[:TOOL], "text")]
        else:
            blocks += [heads[piece.who], piece.text]
    return "\n\n".join(blocks) + "\n"


def as_notebook(what: Exporting, conversation: Sequence[Piece]) -> str:
    """The conversation as a notebook: what was said as Markdown, what was proposed as code."""
    cells = [_markdown(0, f"# {_line(_masked_info(what).title) or 'Conversation'}")]
    names = {"user": "**You**", "assistant": "**CodeMAD**"}
    for number, piece in enumerate(conversation, start=1):
        if piece.edit is not None:
            cells.append(_proposed(number, piece.edit))
        elif piece.who == "tool":
            cells.append(_markdown(number, fenced(piece.text[:TOOL], "text")))
        else:
            cells.append(_markdown(number, f"{names[piece.who]}\n\n{piece.text}"))
    language = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = {"cells": cells, "metadata": {"kernelspec": language}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=1) + "\n"


def _proposed(number: int, edit: Edit) -> dict[str, Any]:
    target = edit.target
    metadata = {"codemad": {"title": edit.title, "status": edit.status, "place": edit.place[0]}}
    is_code = isinstance(target, CellTarget) and target.cell_type == "code"
    if not is_code or target.op not in ("insert", "replace"):
        text = f"**{_line(edit.title)}** ({edit.status})\n\n{fenced(unified(edit), 'diff')}"
        return {**_markdown(number, text), "metadata": metadata}
    outputs = [each for each in (edit.trial.outputs if edit.trial else ()) if "formats" not in each]
    code = {"cell_type": "code", "execution_count": None, "outputs": [_output(each) for each in outputs]}
    return {**code, "id": f"piece-{number}", "metadata": metadata, "source": edit.after}


def _output(output: dict[str, Any]) -> dict[str, Any]:
    """An output as nbformat has it in a file; the trial's count means nothing there."""
    return {**output, "execution_count": None} if output.get("output_type") == "execute_result" else output


def _markdown(number: int, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": f"piece-{number}", "metadata": {}, "source": text}


def fenced(text: str, language: str) -> str:
    """The text as a block of code that it cannot end itself."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def _line(text: str) -> str:
    return " ".join(text.split())


def file_name(info: SessionInfo, suffix: str) -> str:
    """A name for the file, whatever the session is called."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", info.title).strip("-").lower()[:60].strip("-")
    return f"{stem or 'session'}.{suffix}"
