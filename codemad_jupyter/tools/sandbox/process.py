"""Starts confined programs, whichever backend there is, and ends them with all they have started."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from codemad_jupyter.config.private_files import read_bounded
from codemad_jupyter.protocol.errors import ToolError, UsageError
from codemad_jupyter.tools.sandbox import bubblewrap, mac, system_calls
from codemad_jupyter.tools.sandbox.confinement import SCRATCH, Confinement

Backend = Literal["bubblewrap", "bubblewrap without /proc", "landlock", "sandbox-exec", "none"]
PACKAGE = str(Path(__file__).parents[3])
LAUNCHER = str(Path(__file__).with_name("launcher.py"))
LINE = 65_536
IN_SCRATCH = "{scratch}"
"""Stands in the value of a variable for the program's own scratch folder."""
LARGEST_REPORT = 20_000_000
POLITE = 15.0
"""Seconds the launcher may take to end everything, before it is killed itself."""


def interpreter() -> str:
    """The Python that launches: the one below a virtual environment, which a project may hold."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


@dataclass(frozen=True)
class Prepared:
    """A command line and its variables; ``private`` is the program's own scratch folder."""

    words: tuple[str, ...]
    environment: dict[str, str]
    private: Path


def prepare(backend: Backend, confinement: Confinement, *, cwd: Path) -> Prepared:
    """Words to put before a program's own. Its scratch folder is made now and goes with the program."""
    top = Path(os.path.realpath(tempfile.mkdtemp(prefix="codemad-box-")))
    boxed = backend.startswith("bubblewrap")
    masked = [*confinement.masked]
    if backend == "landlock":
        masked += SCRATCH  # hidden: Landlock has nothing to put in their place
    spec = {
        "package": PACKAGE,
        "parent": os.getpid(),
        "backend": "bubblewrap" if boxed else backend,
        "words": _words(backend, confinement, cwd=cwd, private=top),
        "sockets": [str(each) for each in bubblewrap.sockets(confinement)] if boxed else [],
        "writable": [str(each) for each in confinement.writable],
        "masked": [str(each) for each in masked],
        "shown": [str(each) for each in confinement.shown],
        "network": confinement.network,
        "families": _families(confinement, boxed=boxed),
        "reports": list(confinement.reports),
        "limits": asdict(confinement.limits),
        "cwd": "/" if boxed else str(cwd),
        "private": str(top),
    }
    words = (interpreter(), "-I", "-S", LAUNCHER, json.dumps(spec))
    scratch = "/tmp" if boxed else str(top)  # noqa: S108 - a name inside the sandbox
    given = {name: value.replace(IN_SCRATCH, scratch) for name, value in confinement.environment.items()}
    return Prepared(words, {**given, **_scratch(scratch), **confinement.variables}, top)


def _words(backend: Backend, confinement: Confinement, *, cwd: Path, private: Path) -> list[str]:
    if backend == "sandbox-exec":
        return mac.words(confinement, private=private)
    if not backend.startswith("bubblewrap"):
        return []
    program = bubblewrap.program()
    if program is None:
        raise ToolError("bubblewrap is gone, nothing was run.", hint="Install it again.")
    fresh = backend == "bubblewrap"
    return bubblewrap.words(program, confinement, cwd=cwd, private=private, proc=fresh)


def _families(confinement: Confinement, *, boxed: bool) -> tuple[int, ...]:
    """A box without the network has a loopback of its own, which tests of servers need."""
    network = confinement.network or boxed
    return system_calls.families(network=network, unix=boxed or confinement.sockets)


def _scratch(folder: str) -> dict[str, str]:
    """Where programs put what is not for keeping."""
    under = {
        "XDG_CACHE_HOME": "cache",
        "XDG_CONFIG_HOME": "config",
        "IPYTHONDIR": "ipython",
        "MPLCONFIGDIR": "matplotlib",
        "NPM_CONFIG_CACHE": "npm",
    }
    return {"TMPDIR": folder, **{name: f"{folder}/{place}" for name, place in under.items()}}


class Confined:
    """A confined program that runs. Read its output from ``stdout``; `stop` it or `wait` for it. ``reports``
    holds the files of its scratch folder that were ``wanted``, when it has ended."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        *,
        backend: Backend,
        private: Path,
        wanted: tuple[str, ...] = (),
    ) -> None:
        self.backend = backend
        self.reports: dict[str, bytes] = {}
        self._wanted = wanted
        self._process = process
        self._private = private

    @property
    def pid(self) -> int:
        """Of the process that stands for it all."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; 128 and the signal's number where one ended it."""
        return self._process.returncode

    @property
    def stdout(self) -> asyncio.StreamReader:
        """What it writes; errors among it unless it was started to be talked to."""
        if self._process.stdout is None:
            raise ToolError("The output of this program goes elsewhere.")
        return self._process.stdout

    @property
    def stdin(self) -> asyncio.StreamWriter:
        """What it is told, where it was started to be talked to."""
        if self._process.stdin is None:
            raise ToolError("This program has no input.")
        return self._process.stdin

    @property
    def stderr(self) -> asyncio.StreamReader:
        """Its errors, where it was started to be talked to."""
        if self._process.stderr is None:
            raise ToolError("The errors of this program are among its output.")
        return self._process.stderr

    async def wait(self) -> int:
        """Wait until it and all it has started are gone; its exit code."""
        code = await self._process.wait()
        await asyncio.to_thread(self._clear)
        return code

    def _clear(self) -> None:
        for name in self._wanted:
            data = _report(self._private / name)
            if data is not None:
                self.reports.setdefault(name, data)
        shutil.rmtree(self._private, ignore_errors=True)

    async def stop(self) -> int:
        """End it and all it has started, now."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), POLITE)
            except TimeoutError:
                self._process.kill()
        return await self.wait()


def _report(path: Path) -> bytes | None:
    """What a program left in its scratch folder: a regular file alone, never where a link leads."""
    try:
        return read_bounded(path, follow_links=False, most=LARGEST_REPORT)
    except UsageError:
        return None


async def start_with(
    backend: Backend, argv: Sequence[str], *, cwd: Path, confinement: Confinement, frame: int = 0
) -> Confined:
    """Start a program by this very backend; most callers want `sandbox.state.start`. With ``frame`` it is
    talked to, by lines of at most so many bytes."""
    if sys.platform == "win32":
        raise ToolError("Commands cannot be run on Windows yet.", hint="Run it in a terminal of your own.")
    prepared = prepare(backend, confinement, cwd=cwd)  # quick, and nothing may come between it and the start
    process = await _spawned(prepared, argv, frame)
    return Confined(process, backend=backend, private=prepared.private, wanted=confinement.reports)


async def _spawned(prepared: Prepared, argv: Sequence[str], frame: int) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    try:
        return await asyncio.create_subprocess_exec(
            *prepared.words,
            *argv,
            stdin=pipe if frame else asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe if frame else asyncio.subprocess.STDOUT,
            limit=frame or LINE,
            env=prepared.environment,
            cwd="/",
        )
    except BaseException:  # being cancelled, too: nobody else will clear up
        shutil.rmtree(prepared.private, ignore_errors=True)
        raise
