"""Which sandbox there is here, found by trying, and starting programs in it.

A backend counts once its self-test has found nothing possible that must not be; what it leaves open is
said. Nothing runs unconfined unless the caller has been told that there is no sandbox.
"""

import asyncio
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from weakref import WeakKeyDictionary

from codemad_jupyter.notebooks import confined
from codemad_jupyter.protocol.errors import Denied
from codemad_jupyter.protocol.permissions import SandboxState, SandboxStrength
from codemad_jupyter.tools.sandbox import bubblewrap, cgroups, mac
from codemad_jupyter.tools.sandbox.confinement import Confinement
from codemad_jupyter.tools.sandbox.process import Backend, Confined, start_with
from codemad_jupyter.tools.sandbox.selftest import try_backend

Wanted = Literal["auto", "strong", "container", "off"]
"""The best there is; only a strong one; the machine itself is a box, says its operator; none."""

LEFT_OPEN = {
    "write protected": "a command can change .git and other files of the folder that make programs run;"
    " they are put back when it ends",
    "change a mode outside": "modes and times of your files elsewhere can be changed",
    "end another program": "your other programs can be ended",
    "read an environment": "the variables of your other programs can be read",
}
"""What a limited backend may leave possible. Anything else disqualifies it."""
LIMITED = (
    "a command sees no Unix sockets and no local servers, and only a scratch folder of its own"
    " under another name than /tmp",
)
UNCOUNTED = "as root without a control group, the number of a command's processes is not limited"
NEWEST_USELESS = 2
"""The last version of Landlock that lets files be emptied which may not be written."""


@dataclass(frozen=True)
class _Found:
    backend: Backend
    strength: SandboxStrength
    reasons: tuple[str, ...]


_finding: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[_Found]] = WeakKeyDictionary()
_found: list[_Found] = []


async def state(wanted: Wanted = "auto") -> SandboxState:
    """What confines commands here. Tried once in a process, then known."""
    if wanted == "off":
        return SandboxState(strength="none", reasons=("the sandbox is switched off in the settings",))
    found = await _best()
    if wanted == "container":
        said = "the settings say that this machine is a container made for this"
        if found.strength != "strong":
            return SandboxState(strength="container", backend=_name(found), reasons=(said, *found.reasons))
    if wanted == "strong" and found.strength != "strong":
        said = f"the settings demand a strong sandbox; here it is {found.strength}"
        return SandboxState(strength="none", reasons=(said, *found.reasons))
    return SandboxState(strength=found.strength, backend=_name(found), reasons=found.reasons)


def remedy(found: SandboxState) -> str:
    """What to do about it, for the person; empty where all is well."""
    if found.strength == "strong":
        return ""
    if found.strength == "container":
        return "Whatever is in this container is open to commands: keep nothing there that is not its own."
    if platform.system() != "Linux":
        return "Read each command before you approve it."
    if bubblewrap.program() is None:
        return "Install bubblewrap (package bubblewrap), then start Jupyter again. Read what you approve."
    return "Let this user make user name spaces, which bubblewrap needs. Read what you approve."


async def start(
    argv: Sequence[str], *, cwd: Path, confinement: Confinement, wanted: Wanted = "auto", frame: int = 0
) -> Confined:
    """Start a program in the sandbox; without one, only its variables, its limits and its end are ours. With
    ``frame`` it is talked to, by lines of at most so many bytes.

    Raises `Denied` where a strong sandbox is demanded and there is none.
    """
    chosen = await backend(wanted)
    return await start_with(chosen, argv, cwd=cwd, confinement=confinement, frame=frame)


async def backend(wanted: Wanted = "auto") -> Backend:
    """The backend that programs are started with. Raises `Denied` where the settings demand more."""
    if wanted == "off":
        return "none"
    found = await _best()
    if wanted == "strong" and found.strength != "strong":
        raise Denied(
            f"A strong sandbox is demanded, and here it is {found.strength}: {'; '.join(found.reasons)}.",
            hint="Install bubblewrap (Linux), or set sandbox to auto.",
        )
    return found.backend


def _name(found: _Found) -> str:
    return "" if found.backend == "none" else found.backend


async def _best() -> _Found:
    if not _found:
        key = asyncio.get_running_loop()
        if key not in _finding:
            _finding[key] = asyncio.create_task(_find(), name="codemad sandbox test")
        task = _finding[key]
        try:
            found = await asyncio.shield(task)
        finally:
            if task.done():
                _finding.pop(key, None)
        if not _found:
            _found.append(found)
    return _found[0]


async def _find() -> _Found:
    """The first backend that stands its test, best first."""
    reasons: list[str] = []
    for candidate, absent in _candidates():
        if absent:
            reasons.append(absent)
            continue
        possible, failure = await try_backend(candidate)
        fatal = possible - LEFT_OPEN.keys() if candidate == "landlock" else possible
        if not failure and not fatal:
            more = _remarks(candidate, possible)
            strength: SandboxStrength = "limited" if candidate == "landlock" else "strong"
            return _Found(candidate, strength, (*(reasons if strength == "limited" else ()), *more))
        found = failure or f"a program in it could {', '.join(sorted(fatal))}"
        reasons.append(f"{candidate} does not hold here: {found}")
    return _Found("none", "none", tuple(reasons or ["no sandbox is known for this system"]))


def _candidates() -> list[tuple[Backend, str]]:
    """Backends of this system, each with why it cannot be tried."""
    if sys.platform == "darwin":
        return [("sandbox-exec", "" if mac.PROGRAM.exists() else "there is no sandbox-exec")]
    if not sys.platform.startswith("linux"):
        return []
    program = bubblewrap.program()
    absent = "" if program else "bubblewrap is not installed (or not as a program of the system)"
    version = confined.version()
    old = f"Landlock is too old here (version {version}, 3 is needed)" if version else "there is no Landlock"
    boxes: list[tuple[Backend, str]] = [("bubblewrap", absent)]
    boxes += [("bubblewrap without /proc", "")] if program else []
    return [*boxes, ("landlock", "" if version > NEWEST_USELESS else old)]


def _remarks(candidate: Backend, possible: frozenset[str]) -> tuple[str, ...]:
    remarks = [LEFT_OPEN[name] for name in sorted(possible)]
    if candidate == "landlock":
        remarks += LIMITED
    if sys.platform.startswith("linux") and os.geteuid() == 0 and not cgroups.counts_processes():
        remarks.append(UNCOUNTED)
    return tuple(remarks)
