"""Whether a person is asked before an accepted cell runs: because a tag of the cell says so, or because the
cell took long when it last ran."""

from pathlib import Path

from codemad_jupyter.notebooks.ports import NotebookPort
from codemad_jupyter.notebooks.run_times import asks_before_run, recorded_seconds
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.protocol.edits import CellTarget
from codemad_jupyter.protocol.events import CellExecuted, Event
from codemad_jupyter.protocol.kernels import Cell
from codemad_jupyter.tools.permissions import Action

TOOL = "run_cell"


async def known_seconds(services: Services, port: NotebookPort, target: CellTarget) -> float | None:
    """Seconds of the cell's last successful run by us, else of the run its notebook recorded."""
    place = (target.notebook, target.cell)
    for event in sorted(await services.store.events_of(("cell_executed",)), key=_at, reverse=True):
        if isinstance(event, CellExecuted) and event.ok and (event.notebook, event.cell) == place:
            return event.seconds
    return recorded_seconds(await port.snapshot(target.notebook)).get(target.cell)


async def reason_before(services: Services, port: NotebookPort, target: CellTarget, cell: Cell) -> str:
    """Why a person is asked before this cell runs; empty where nothing needs to be asked."""
    if asks_before_run(cell.tags):
        return f"A tag of this cell asks for it: {', '.join(cell.tags)}."
    seconds = await known_seconds(services, port, target) if services.ask_before_run else None
    if seconds is None or seconds < services.ask_before_run:
        return ""
    return f"This cell took {duration(seconds)} when it last ran."


def action_of(root: Path, target: CellTarget, cell: Cell) -> Action:
    """To run exactly this cell."""
    exactly = {"notebook": target.notebook, "cell": cell.id, "source": cell.source}
    return Action(tool=TOOL, risk="execute", axis="kernel_mutate", arguments=exactly, root=root)


def _at(event: Event) -> float:
    return event.at


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
