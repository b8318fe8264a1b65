"""The mode that holds in this process: that of the settings, until the person chooses another one.

A choice is kept nowhere: with a new engine the settings hold again. Who may choose a looser mode (a person at
a tab, no code in a kernel) is for the edges to see to; what `permissions` does in each mode, for that room.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from codemad_jupyter.orchestrator import slash
from codemad_jupyter.protocol.commands import ChooseMode, Command, Prompt
from codemad_jupyter.protocol.errors import Conflict, ModeRefused, UsageError
from codemad_jupyter.protocol.events import ModeChosen
from codemad_jupyter.protocol.permissions import (
    MODE_TEXTS,
    STRICTEST_FIRST,
    Mode,
    ModeInfo,
    SandboxState,
    Standing,
)
from codemad_jupyter.tools.sandbox.state import remedy

Sandbox = Callable[[], Awaitable[SandboxState]]
OTHERWISE = "Everything is asked about."


@dataclass(frozen=True)
class Limit:
    """The loosest mode that may be chosen, and who says so."""

    mode: Mode
    why: str


class Modes:
    """The mode of one engine."""

    def __init__(self, settled: Mode = "ask", *, limit: Limit | None = None) -> None:
        self.settled: Mode = settled
        self.now: Mode = settled
        self.busy: Callable[[], bool] = lambda: False
        """Does a run go on?"""
        self.tell: Callable[[ModeChosen], object] = lambda event: None
        """Hears of each change."""
        self._limit = limit

    def loosens(self, mode: Mode) -> bool:
        """Would less be asked about than now?"""
        return STRICTEST_FIRST.index(mode) > STRICTEST_FIRST.index(self.now)

    def barred(self, mode: Mode) -> str:
        """Why it cannot be chosen whatever the sandbox is like; empty where it can."""
        limit = self._limit
        if limit is None or STRICTEST_FIRST.index(mode) <= STRICTEST_FIRST.index(limit.mode):
            return ""
        return f"{limit.why}; {limit.mode} is the loosest mode here"

    async def choose(self, mode: Mode, sandbox: Sandbox) -> None:
        """Let it hold from now on. Raises `ModeRefused`, and `Conflict` while a run goes on: what works
        there may become stricter meanwhile, never looser."""
        why = self.barred(mode)
        if not why and mode == "auto_sandboxed":
            why = weakness(await sandbox())
        if why:
            hint = f"Mode {self.now} goes on. /mode lists what can be chosen."
            raise ModeRefused(f"Mode {mode} is refused: {why}.", hint=hint)
        if self.loosens(mode) and self.busy():
            hint = "Wait for its end, or stop it; a stricter mode can be chosen at any time."
            raise Conflict(f"A run goes on: mode {mode} would let it do more than it began with.", hint=hint)
        was, self.now = self.now, mode
        self.tell(ModeChosen(mode=mode, was=was))

    def loosened_by(self, command: Command) -> bool:
        """Would less be asked about after this command?"""
        mode = asked_mode(command)
        return mode is not None and self.loosens(mode)

    async def standing(self, sandbox: Sandbox) -> Standing:
        """How things stand, for a person; the sandbox is tried for it."""
        found = await sandbox()
        infos = (
            ModeInfo(name=mode, text=MODE_TEXTS[mode], refused=self._refused(mode, found))
            for mode in STRICTEST_FIRST
        )
        return Standing(
            mode=self.now, settled=self.settled, modes=tuple(infos), sandbox=found, remedy=remedy(found)
        )

    def _refused(self, mode: Mode, sandbox: SandboxState) -> str:
        return self.barred(mode) or (weakness(sandbox) if mode == "auto_sandboxed" else "")


def weakness(sandbox: SandboxState) -> str:
    """Why a sandbox does not carry an automatic mode; empty where it does."""
    if sandbox.strength == "strong":
        return ""
    return f"the sandbox here is {sandbox.strength} ({'; '.join(sandbox.reasons) or 'nothing was found'})"


def asked_mode(command: Command) -> Mode | None:
    """The mode that a command would choose, whichever way it says so; None for all others."""
    if isinstance(command, ChooseMode):
        return command.mode
    if not isinstance(command, Prompt):
        return None
    words = command.text.split()
    if len(words) != 2 or words[0].lower() != f"/{slash.MODE}":
        return None
    return next((mode for mode in STRICTEST_FIRST if mode == words[1]), None)


def named(word: str) -> Mode:
    """The mode of this name. Raises `UsageError`."""
    for mode in STRICTEST_FIRST:
        if mode == word:
            return mode
    raise UsageError(f"There is no mode {word[:40]!r}.", hint=f"Modes: {', '.join(STRICTEST_FIRST)}.")


def standing_text(found: Standing) -> str:
    """The same in words, markdown."""
    lines = [
        f"Mode **{found.mode}**" + ("" if found.mode == found.settled else f" (settings: {found.settled})")
    ]
    for info in found.modes:
        refused = f" *Refused here: {info.refused}.*" if info.refused else ""
        lines.append(f"- `{info.name}`: {info.text}.{refused}")
    box = found.sandbox
    why = f": {'; '.join(box.reasons)}" if box.reasons else ""
    lines.append(f"\nSandbox **{box.strength}** ({box.backend or 'nothing confines commands'}){why}.")
    return "\n".join([*lines, *filter(None, [found.remedy])])
