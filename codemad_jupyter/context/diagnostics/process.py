"""One language server as a process: started apart from ours, easy on the machine, ended with all it began.

It gets an environment without keys, a lower priority, a limit of memory where the system has one, and a
working folder that belongs to nobody's project. What it writes to stderr is read at once and all but the
end of it forgotten.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from codemad_jupyter.context.diagnostics.wire import MOST_HEADER

NICENESS = 10
LAST_WORDS = 2_000
GRACE = 1.0
"""Seconds a server has to go by itself, once told to."""
WORDS = """
PATH HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR TEMP TMP SYSTEMROOT USERPROFILE APPDATA LOCALAPPDATA
XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME LD_LIBRARY_PATH GOPATH GOROOT CARGO_HOME RUSTUP_HOME
R_HOME R_LIBS R_LIBS_USER JULIA_DEPOT_PATH JAVA_HOME CONDA_PREFIX
"""
KEPT = frozenset(WORDS.split())


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What a server is told of our environment: where programs and caches are, never a key."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith("LC_")}
    return {**kept, **extra}


@dataclass
class ServerProcess:
    """A running server. Made by `start`."""

    process: asyncio.subprocess.Process
    _tail: bytearray = field(default_factory=bytearray)
    _draining: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, command: tuple[str, ...], *, extra: Mapping[str, str], memory: int | None
    ) -> "ServerProcess":
        """Start it. Raises `OSError` where it cannot be."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=Path(sys.executable).anchor,
            env=environment(extra),
            start_new_session=True,
            limit=MOST_HEADER,
        )
        _calm(process.pid, memory)
        started = cls(process)
        started._draining = asyncio.create_task(started._drain())
        return started

    @property
    def reader(self) -> asyncio.StreamReader:
        """Where it speaks."""
        assert self.process.stdout is not None  # noqa: S101 - asked for above
        return self.process.stdout

    @property
    def writer(self) -> asyncio.StreamWriter:
        """Where it listens."""
        assert self.process.stdin is not None  # noqa: S101 - asked for above
        return self.process.stdin

    @property
    def last_words(self) -> str:
        """The last line it wrote to stderr."""
        lines = self._tail.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip()[:200] if lines else ""

    async def _drain(self) -> None:
        stream = self.process.stderr
        while stream is not None and (piece := await stream.read(65_536)):
            self._tail += piece
            del self._tail[:-LAST_WORDS]

    async def end(self, *, grace: float = GRACE) -> None:
        """End it and whatever it started; returns when it is gone."""
        with contextlib.suppress(OSError, RuntimeError):
            self.writer.close()
        if grace:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), grace)
        self.kill()
        await self.process.wait()
        if self._draining is not None:
            self._draining.cancel()
            await asyncio.gather(self._draining, return_exceptions=True)

    def kill(self) -> None:
        """Kill it and its children, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()


def _calm(pid: int, memory: int | None) -> None:
    """Lower its priority and bound its memory, as far as the system can."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
    if memory is not None and sys.platform == "linux":
        import resource

        with contextlib.suppress(OSError, ValueError):
            resource.prlimit(pid, resource.RLIMIT_AS, (memory, memory))
