"""What one session knows of its kernel: what it held when last looked at, and when it was lost.

Every loss is one event, whoever notices it first, and the next run's context says it again.
"""

import time
from collections.abc import Callable

from codemad_jupyter.notebooks.ports import KernelFate
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.events import Event, KernelChanged
from codemad_jupyter.protocol.kernels import KernelReport

MOST_NAMES = 200
SAME = 10.0
"""Seconds within which two who notice a loss have noticed the same one."""
SAYINGS = {
    "died": "The kernel died",
    "restarted": "The kernel was restarted",
    "ended": "The kernel was ended",
}


class KernelWatch:
    """The kernel of one session. ``emit`` says an event in the session."""

    def __init__(self, emit: Callable[[Event], object]) -> None:
        self._emit = emit
        self._names: tuple[str, ...] = ()
        self._gone: tuple[str, ...] = ()
        self._target = Target()
        self._last = ("", 0.0)
        self._untold = ""
        self._used = False

    def uses(self, target: Target) -> None:
        """The session works with this target from now on."""
        if (target.notebook, target.kernel) != (self._target.notebook, self._target.kernel):
            self._names = ()
        self._target, self._used = target, True

    def seen(self, report: KernelReport) -> None:
        """A look at all of the kernel's variables."""
        self._names = tuple(each.name for each in report.variables if each.kind != "module")[:MOST_NAMES]

    def fate(self, fate: KernelFate) -> None:
        """The server says what became of some kernel."""
        ours = fate.kernel == self._target.kernel or (
            fate.notebook is not None and fate.notebook == self._target.notebook
        )
        if self._used and ours:
            self._lost(fate.state)

    def noticed(self) -> str:
        """Running code noticed that the kernel is gone; what to tell the model."""
        self._lost("died")
        self._untold = ""  # this very answer tells it
        return consequences(self._gone)

    def killed(self) -> None:
        """It was ended on the person's order."""
        self._lost("restarted")

    @property
    def untold(self) -> str:
        """What the model has not heard yet."""
        return self._untold

    def take_note(self) -> str:
        """What the model has not heard yet; said once."""
        note, self._untold = self._untold, ""
        return note

    def _lost(self, state: str) -> None:
        known, at = self._last
        now = time.monotonic()
        again = now - at < SAME and (known == state or state == "died")
        if again:
            return
        self._last = (state, now)
        lost, self._names = self._names, ()
        if lost or now - at >= SAME:
            self._gone = lost
        clock = time.strftime("%H:%M:%S")
        text = f"{SAYINGS[state]} at {clock}. {consequences(lost)}"
        if now - at < SAME and not lost:
            text = f"{SAYINGS[state]} at {clock}."
        else:
            self._untold = text
        changed = {"state": state, "notebook": self._target.notebook, "text": text, "lost": lost}
        self._emit(KernelChanged.model_validate(changed))


def consequences(lost: tuple[str, ...]) -> str:
    """What the loss means: which variables are gone and what to do."""
    if not lost:
        return "All variables are lost; cells must be run again before their names can be used."
    more = f" and {len(lost) - 20} more" if len(lost) > 20 else ""
    return f"These variables are lost: {', '.join(lost[:20])}{more}. Run the cells that make them again."
