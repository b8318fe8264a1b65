"""Buttons under proposed edits: the subcommands ``apply``, ``reject`` and ``try``, for the mouse.

Drawn with ipywidgets where a kernel has a front end. The display carries the same as text: a front end
without widgets, an export or a runner shows that. A click is served when the kernel is idle, by the
same code as the subcommand; what it says appears below the buttons.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from codemad_jupyter.app.plain_text import plain_text
from codemad_jupyter.magics.place import place_of
from codemad_jupyter.protocol.edits import CellTarget
from codemad_jupyter.protocol.errors import CodemadError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from codemad_jupyter.magics.review import Edits
    from codemad_jupyter.magics.transcript import Change

Act = Literal["apply", "run", "reject"]
WIDGET = "application/vnd.jupyter.widget-view+json"
LABELS: dict[Act, tuple[str, str]] = {
    "apply": ("Apply", "primary"),
    "run": ("Apply and run", "success"),
    "reject": ("Reject", ""),
}


@dataclass
class _Row:
    """The buttons of some edits: ``display`` is where they are shown, ``log`` takes what is said."""

    numbers: list[int]
    display: str
    box: Any
    log: Any


class Buttons:
    """All buttons of one shell."""

    def __init__(self, ip: InteractiveShell, edits: Edits) -> None:
        self._ip = ip
        self._edits = edits
        self._rows: list[_Row] = []

    def show(self, changes: list[Change]) -> None:
        """A row for the edits of a run that wait; all together get one when there are several."""
        waiting = [change for change in changes if change.status == "pending"]
        if getattr(self._ip, "kernel", None) is None or not waiting:
            return
        for change in waiting:
            self._row([change])
        if len(waiting) > 1:
            self._row(waiting)

    def refresh(self) -> None:
        """Take away the rows whose edits are settled, however that came about."""
        waiting = set(self._edits.waiting_at_all())
        for row in [row for row in self._rows if not waiting.intersection(row.numbers)]:
            self._rows.remove(row)
            said = "".join(each.get("text", "") for each in row.log.outputs)
            self._publish(row.display, {"text/plain": plain_text(said).rstrip()}, update=True)
            row.box.close()

    def _row(self, changes: list[Change]) -> None:
        from ipywidgets import HBox, Output, VBox

        numbers = [change.number for change in changes]
        log = Output()
        row = _Row(numbers, uuid.uuid4().hex, None, log)
        made = [self._button(act, row) for act in self._acts(changes)]
        row.box = VBox([HBox(made), log])
        self._rows.append(row)
        named = " ".join(map(str, numbers)) if len(numbers) == 1 else "all"
        text = f"%codemad apply {named}   %codemad reject {named}"
        view = {"model_id": row.box.model_id, "version_major": 2, "version_minor": 0}
        texts = {"text/html": f"<code>{text}</code>", "text/markdown": f"`{text}`", "text/plain": text}
        self._publish(row.display, {WIDGET: view, **texts}, update=False)

    def _acts(self, changes: list[Change]) -> list[Act]:
        """What a click can do. A kernel alone can put a new cell only behind a cell that runs, so there
        a click can run it and no more."""
        targets = [change.edit.target for change in changes]
        runs = any(
            isinstance(target, CellTarget)
            and target.cell_type == "code"
            and target.op in ("insert", "replace")
            for target in targets
        )
        alone = self._edits.alone and any(isinstance(target, CellTarget) for target in targets)
        acts: list[Act] = [] if alone else ["apply"]
        return [*acts, *(["run"] if runs else []), "reject"]  # type: ignore[list-item]

    def _button(self, act: Act, row: _Row) -> Any:
        from ipywidgets import Button, Layout

        label, style = LABELS[act]
        which = f"edit {row.numbers[0]}" if len(row.numbers) == 1 else "all"
        button = Button(
            description=label if len(row.numbers) == 1 else f"{label}: all",
            button_style=style,
            tooltip=f"{label}: {which}",
            layout=Layout(width="auto"),
        )
        button.on_click(self._clicked(act, row))
        return button

    def _clicked(self, act: Act, row: _Row) -> Callable[[Any], None]:
        def settle(_: Any) -> None:
            with row.log:
                self._settle(act, row)
            self.refresh()

        return settle

    def _settle(self, act: Act, row: _Row) -> None:
        import sys

        waiting = set(self._edits.waiting_at_all())
        for number in [number for number in row.numbers if number in waiting]:
            try:
                self._edits.settle(
                    [number], place_of(self._ip), accept=act != "reject", execute=act == "run", in_cell=False
                )
            except CodemadError as error:
                sys.stdout.write(f"{plain_text(str(error))}\n")
                return

    def _publish(self, display: str, data: dict[str, Any], *, update: bool) -> None:
        self._ip.display_pub.publish(data, transient={"display_id": display}, update=update)
