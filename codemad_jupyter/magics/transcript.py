"""What a run has said so far, as segments to draw: prose (text, tool lines, notes) and changes (edits).

A reducer over events. Holds nothing that differs between two equal runs (no ids, no times), so
the output of a notebook that is run twice is the same. Drawing is left to `render`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from codemad_jupyter.app.memory_text import announced_line
from codemad_jupyter.protocol.diagnostics import Diagnosis
from codemad_jupyter.protocol.edits import Edit, EditStatus, Trial
from codemad_jupyter.protocol.events import (
    CellExecuted,
    EditDiagnosed,
    EditProposed,
    EditSettled,
    EditTried,
    Event,
    MemoryChanged,
    MessageDone,
    Notice,
    PlanChanged,
    Restored,
    RunFinished,
    RunStarted,
    TextDelta,
    ToolCalled,
    ToolDone,
)
from codemad_jupyter.protocol.plans import plan_text
from codemad_jupyter.protocol.supply import CHOSEN, DEFAULT
from codemad_jupyter.protocol.wording import counted

PieceKind = Literal["text", "tool", "note", "problem", "plan"]


@dataclass
class Piece:
    """A stretch of text, a plan, or one line about a tool or an incident. ``name`` is the tool's."""

    kind: PieceKind
    text: str
    name: str = ""


@dataclass
class Prose:
    """Pieces in the order in which they began; the keys are what later events call them."""

    pieces: dict[str, Piece] = field(default_factory=dict)


@dataclass
class Change:
    """A proposed edit under the number by which a person names it."""

    number: int
    edit: Edit
    status: EditStatus = "pending"
    detail: str = ""
    trial: Trial | None = None
    diagnosis: Diagnosis | None = None


Segment = Prose | Change


@dataclass
class Transcript:
    """The segments of one run. ``first_number`` is the number of its first edit; how the run ended is
    kept for whoever concludes it, and not drawn."""

    first_number: int = 1
    segments: list[Segment] = field(default_factory=list)
    ending: RunFinished | None = None
    seq: int = 0
    denied: list[str] = field(default_factory=list)
    _notes: int = 0

    @property
    def changes(self) -> list[Change]:
        """The proposed edits, in order."""
        return [segment for segment in self.segments if isinstance(segment, Change)]

    def change(self, edit: str) -> Change | None:
        """The change of an edit id."""
        return next((change for change in self.changes if change.edit.id == edit), None)

    def add(self, event: Event) -> Segment | None:
        """Take in one event; the segment it changed, if any."""
        if isinstance(event, RunFinished):
            self.ending = event
        self.seq = max(self.seq, event.seq)  # an interrupt may come between any two lines
        match event:
            case TextDelta():
                return self._text(event.message, event.text, whole=False)
            case MessageDone():
                return self._text(event.id, event.message.text, whole=True)
            case ToolCalled():
                return self._piece(event.call, Piece("tool", "…", event.tool))
            case ToolDone():
                return self._tool_done(event)
            case EditProposed() | EditTried() | EditDiagnosed() | EditSettled():
                return self._edit(event)
            case CellExecuted() if not event.ok:
                return self.note(f"The cell failed: {event.error}", problem=True)
            case Restored():
                return self.note(restored_line(event))
            case MemoryChanged():
                return self.note(announced_line(event))
            case Notice() if event.code != "replayed":  # a replayed notebook is the recorded one
                return self.note(event.text, problem=event.level == "error")
            case RunStarted() if event.why not in (CHOSEN, DEFAULT, ""):
                return self.note(f"{event.model}: {event.why}")
            case PlanChanged() if event.change != "dropped":
                return self._piece(f"plan {event.plan.id}", Piece("plan", plan_text(event.plan)))
        return None

    def note(self, text: str, *, problem: bool = False) -> Prose:
        """Add a line of our own."""
        self._notes += 1
        return self._piece(f"note {self._notes}", Piece("problem" if problem else "note", text))

    def _open(self) -> Prose:
        if not self.segments or not isinstance(self.segments[-1], Prose):
            self.segments.append(Prose())
        last = self.segments[-1]
        assert isinstance(last, Prose)  # noqa: S101 - put there two lines above
        return last

    def _holder(self, key: str) -> Prose | None:
        proses = (segment for segment in self.segments if isinstance(segment, Prose))
        return next((prose for prose in proses if key in prose.pieces), None)

    def _piece(self, key: str, piece: Piece) -> Prose:
        prose = self._holder(key) or self._open()
        prose.pieces[key] = piece
        return prose

    def _text(self, message: str, text: str, *, whole: bool) -> Prose | None:
        holder = self._holder(message)
        if not text and holder is None:
            return None
        prose = holder or self._open()
        piece = prose.pieces.setdefault(message, Piece("text", ""))
        piece.text = text if whole else piece.text + text
        return prose

    def _tool_done(self, event: ToolDone) -> Prose:
        if event.status == "denied":
            self.denied.append(f"{event.tool}: {event.summary}")
        words = {"ok": "", "error": "failed: ", "denied": "not allowed: "}
        text = f"{words[event.status]}{event.summary}"
        kind: PieceKind = "tool" if event.status == "ok" else "problem"
        return self._piece(event.call, Piece(kind, text, event.tool))

    def _edit(self, event: EditProposed | EditTried | EditDiagnosed | EditSettled) -> Change | None:
        if isinstance(event, EditProposed):
            number = self.first_number + len(self.changes)
            edit = event.edit
            change = Change(number, edit, edit.status, trial=edit.trial, diagnosis=edit.diagnosis)
            self.segments.append(change)
            return change
        found = self.change(event.edit)
        if found is None:
            return None
        if isinstance(event, EditTried):
            found.trial = event.trial
        elif isinstance(event, EditDiagnosed):
            found.diagnosis = event.diagnosis
        else:
            found.status, found.detail = event.status, event.detail
        return found


def restored_line(event: Restored) -> str:
    """What an undo, redo or restore did, in a few sentences."""
    verb = {"undo": "Undone", "redo": "Redone", "restore": "Restored"}[event.kind]
    touched = [counted(len(event.cells), "cell")] if event.cells else []
    touched += list(event.files)
    line = (
        f"{verb}: {', '.join(touched)}." if touched else f"{verb}: the conversation; no file or cell changed."
    )
    if event.merged:
        line += f" Your changes were kept in: {', '.join(event.merged)}."
    if event.conflicts:
        line += f" Left as you changed it meanwhile: {', '.join(event.conflicts)}."
    return line
