"""The edits a shell has shown: named by number, settled by command, run in place when asked to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codemad_jupyter.magics.subcommand_forms import Known
from codemad_jupyter.protocol.commands import AcceptEdit, Command, RejectEdit
from codemad_jupyter.protocol.edits import CellTarget
from codemad_jupyter.protocol.errors import CodemadError, NotFound
from codemad_jupyter.protocol.events import Notice

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from codemad_jupyter.magics.canvas import Canvas
    from codemad_jupyter.magics.door import Door
    from codemad_jupyter.magics.place import Place
    from codemad_jupyter.magics.transcript import Change, Transcript


@dataclass
class Shown:
    """An edit that was shown, the session it belongs to, and where it was drawn."""

    change: Change
    session: str
    transcript: Transcript
    canvas: Canvas


class Edits:
    """All edits of one shell by number."""

    def __init__(self, ip: InteractiveShell, door: Door) -> None:
        self._ip = ip
        self._door = door
        self._shown: dict[int, Shown] = {}
        self._latest: set[int] = set()

    @property
    def next_number(self) -> int:
        """The number of the next edit."""
        return max(self._shown, default=0) + 1

    @property
    def known(self) -> Known:
        """The ids under which edits can be named beside their numbers."""
        return Known(edits={shown.change.edit.id for shown in self._shown.values()})

    def remember(self, transcript: Transcript, *, session: str, canvas: Canvas) -> None:
        """Keep the edits of a run; they are the ones meant when none is named."""
        for change in transcript.changes:
            self._shown[change.number] = Shown(change, session, transcript, canvas)
        self._latest = {change.number for change in transcript.changes} or self._latest

    @property
    def alone(self) -> bool:
        """Whether no server is there that could reach an open document."""
        return self._door.server is None

    def waiting_at_all(self) -> list[int]:
        """The edits that wait, of any run."""
        return [n for n, shown in self._shown.items() if shown.change.status == "pending"]

    def waiting(self) -> list[int]:
        """The edits that wait: those of the latest run that proposed any, else all."""
        pending = self.waiting_at_all()
        return [n for n in pending if n in self._latest] or pending

    def numbers(self, word: str) -> list[int]:
        """The edits a person means. Raises `NotFound`."""
        waiting = self.waiting()
        if not word and waiting:
            return waiting
        if not word:
            raise NotFound("No edit waits.", hint="Ask for a change first, with %codemad or %%codemad.")
        for number, shown in self._shown.items():
            if word in (str(number), shown.change.edit.id):
                return [number]
        those = ", ".join(map(str, waiting)) or "none"
        raise NotFound(f"There is no edit {word} here.", hint=f"Edits that wait: {those}.")

    def settle(
        self,
        numbers: list[int],
        place: Place,
        *,
        accept: bool,
        execute: bool = False,
        in_cell: bool = True,
    ) -> list[Change]:
        """Accept or reject edits and redraw them. The server has accepted cells run by the front end;
        an engine in this process cannot, so here the magic runs them itself, in this very cell.
        Outside a cell (``in_cell``) nothing can be handed over as the next input."""
        here = self._door.server is None
        settled = [
            self._settle_one(number, place, accept=accept, execute=execute and not here) for number in numbers
        ]
        cells = self._door.cells
        if cells is not None and (place.headless or not in_cell):
            cells.keep()
        elif cells is not None:
            cells.hand_over()
        if accept and execute and here:
            for change in settled:
                self._run_in_place(change)
        return settled

    def _settle_one(self, number: int, place: Place, *, accept: bool, execute: bool) -> Change:
        shown, client = self._shown[number], self._door.client(place)
        edit, session = shown.change.edit.id, shown.session
        command: Command = RejectEdit(session=session, edit=edit)
        if accept:
            command = AcceptEdit(session=session, edit=edit, execute=execute)
        for event in client.follow(client.submit(command)):
            shown.transcript.add(event)
            if isinstance(event, Notice) and event.level == "error":
                raise CodemadError(event.text)
        shown.canvas.touch(shown.change)
        shown.canvas.finish()
        return shown.change

    def _run_in_place(self, change: Change) -> None:
        target = change.edit.target
        if not isinstance(target, CellTarget) or change.status != "accepted":
            return
        if target.op not in ("insert", "replace") or target.cell_type != "code":
            return
        result = self._ip.run_cell(change.edit.after, store_history=False)  # type: ignore[no-untyped-call]
        failure = result.error_before_exec or result.error_in_exec
        if failure is not None:
            raise CodemadError(
                f"Edit {change.number} was applied, but its code failed: {type(failure).__name__}: {failure}",
                hint="%codemad fix proposes a repair.",
            )
