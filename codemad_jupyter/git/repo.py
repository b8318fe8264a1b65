"""Owns the one way in which git is run: without a shell, without the configuration of a person or a
project, without anything that starts another program, and never longer or louder than allowed.

Which commands are run is the business of `checkpoints`. Nothing here is for an event loop's thread.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from codemad_jupyter.protocol.errors import GitError

OUTPUT_LIMIT = 256 * 1024 * 1024

_KEPT = ("HOME", "LOGNAME", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "USER", "XDG_CONFIG_HOME")

_FIXED = {
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    **{f"GIT_{who}_NAME": "CodeMAD" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "codemad@localhost" for who in ("AUTHOR", "COMMITTER")},
}

_CONFIGURATION = (
    "commit.gpgSign=false",
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.bare=false",
    "core.checkStat=default",
    "core.eol=lf",
    "core.fileMode=true",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.logAllRefUpdates=false",
    "core.pager=cat",
    "core.protectHFS=false",  # odd names are the person's business; .git itself is always refused
    "core.protectNTFS=false",
    "core.quotePath=false",
    "core.safecrlf=false",
    "core.sparseCheckout=false",
    "core.splitIndex=false",
    "core.symlinks=true",
    "core.trustctime=true",
    "core.untrackedCache=false",
    "credential.helper=",
    "diff.external=",
    "diff.ignoreSubmodules=all",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
    "submodule.recurse=false",
)


class GitTimeout(GitError):
    """Git was stopped because the time was up."""


class Deadline:
    """A moment until which work may go on."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left; never negative."""
        return max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Raise `GitTimeout` when the time is up."""
        if self.left <= 0:
            raise GitTimeout(
                f"Saving or restoring files took longer than {self.seconds:g} seconds.",
                hint="Open a smaller folder, or list big data in .gitignore.",
            )


class Git:
    """Git for one git folder and one work tree, both named explicitly: nothing is discovered."""

    def __init__(self, git_dir: Path, work_tree: Path, *, index: Path | None = None) -> None:
        self.git_dir = git_dir
        self.work_tree = work_tree
        self.index = index

    def run(
        self,
        *arguments: str,
        data: bytes = b"",
        deadline: Deadline,
        limit: int = OUTPUT_LIMIT,
    ) -> bytes:
        """What the command writes; `GitError` where it fails, takes too long or says too much."""
        with self.start(*arguments, deadline=deadline) as process, ThreadPoolExecutor(2) as helpers:
            stdin, stdout, stderr = pipes(process)
            helpers.submit(_feed, stdin, data)
            complaint = helpers.submit(_drain, stderr)
            output = stdout.read(limit + 1)
            if len(output) > limit:
                _kill(process)
                raise GitError(
                    f"git {arguments[0]} wrote more than {limit} bytes.", hint="Open a smaller folder."
                )
            process.wait()
            text = complaint.result().decode(errors="replace").strip()
        deadline.check()
        if process.returncode:
            raise GitError(
                f"git {arguments[0]} failed in {self.work_tree}: {text[-500:] or process.returncode}",
                hint="Run git fsck there to see whether the repository is sound.",
            )
        return output

    @contextlib.contextmanager
    def start(self, *arguments: str, deadline: Deadline) -> Iterator[subprocess.Popen[bytes]]:
        """The running command, with pipes; killed with all it started when the time is up."""
        deadline.check()
        options = [part for setting in _CONFIGURATION for part in ("-c", setting)]
        process = subprocess.Popen(
            [program(outside=self.work_tree), "--no-pager", *options, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment(),
            cwd=self.work_tree,
            start_new_session=True,
        )
        timer = threading.Timer(deadline.left, _kill, [process])
        timer.daemon = True
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            if process.poll() is None:
                _kill(process)
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
            process.wait()

    def _environment(self) -> dict[str, str]:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= _FIXED
        environment |= {"GIT_DIR": str(self.git_dir), "GIT_WORK_TREE": str(self.work_tree)}
        if self.index is not None:
            environment["GIT_INDEX_FILE"] = str(self.index)
        return environment


def program(*, outside: Path) -> str:
    """The git program, from the search path but never from the folder that is looked at."""
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    trusted = [
        place for place in places if Path(place).is_absolute() and not Path(place).is_relative_to(outside)
    ]
    found = shutil.which("git", path=os.pathsep.join(trusted))
    if found is None:
        raise GitError("git is not installed.", hint="Install it, so that changes to files can be undone.")
    return found


def find_root(folder: Path) -> Path | None:
    """The nearest folder upwards that has a ``.git``; whether that can be trusted is not looked at."""
    return next((place for place in (folder, *folder.parents) if os.path.lexists(place / ".git")), None)


def pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    """Standard input, output and error of a process that `Git.start` began."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise GitError("git was started without pipes.", hint="Please report this.")
    return process.stdin, process.stdout, process.stderr


def _drain(pipe: IO[bytes]) -> bytes:
    kept = pipe.read(100_000)
    while pipe.read(100_000):
        pass
    return kept


def _feed(pipe: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):  # a command that fails early says why on its own
        pipe.write(data)
    with contextlib.suppress(BrokenPipeError):
        pipe.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
