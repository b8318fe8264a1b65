"""Owns the one way in which git is run: without a shell, without the configuration of a person or a
project, without anything that starts another program, and never longer or louder than allowed.

Which commands are run is the business of `checkpoints`. Nothing here is for an event loop's thread.
"""

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import IO

from codemad_jupyter.protocol.errors import GitError

OUTPUT_LIMIT = 256 * 1024 * 1024
KEPT = 100_000
"""So many bytes of what git complains about are kept."""

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


@dataclass(frozen=True)
class Git:
    """Git for one git folder and one work tree, both named explicitly: nothing is discovered."""

    git_dir: Path
    work_tree: Path
    _: KW_ONLY
    index: Path | None = None

    def run(
        self,
        *arguments: str,
        data: bytes = b"",
        deadline: Deadline,
        limit: int = OUTPUT_LIMIT,
        accept: int = 0,
    ) -> bytes:
        """What the command writes; `GitError` where it fails, leaves out a path, takes too long or says
        too much. The status ``accept`` is no failure."""
        with self._begin(*arguments, deadline=deadline) as process:
            output, complaint = _converse(process, data, deadline, limit)
            if len(output) > limit:
                raise GitError(
                    f"git {arguments[0]} wrote more than {limit} bytes.", hint="Open a smaller folder."
                )
            process.wait()
        deadline.check()
        if process.returncode not in (0, accept) or b"Ignoring path " in complaint:
            text = complaint.decode(errors="replace").strip()
            raise GitError(
                f"git {arguments[0]} failed in {self.work_tree}: {text[-500:] or process.returncode}",
                hint="Run git fsck there to see whether the repository is sound.",
            )
        return output

    @contextlib.contextmanager
    def start(self, *arguments: str, deadline: Deadline) -> Iterator[subprocess.Popen[bytes]]:
        """The running command, with pipes; killed with all it started when the time is up."""
        with self._begin(*arguments, deadline=deadline) as process:
            timer = threading.Timer(deadline.left, _kill, [process])
            timer.daemon = True
            timer.start()
            try:
                yield process
            finally:
                timer.cancel()

    @contextlib.contextmanager
    def _begin(self, *arguments: str, deadline: Deadline) -> Iterator[subprocess.Popen[bytes]]:
        deadline.check()
        options = [part for setting in _CONFIGURATION for part in ("-c", setting)]
        process = subprocess.Popen(
            [program(outside=self.work_tree), "--no-pager", *options, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment(arguments[0]),
            cwd=self.work_tree,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                _kill(process)
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
            process.wait()

    def _environment(self, command: str) -> dict[str, str]:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= _FIXED
        environment |= {"GIT_DIR": str(self.git_dir), "GIT_WORK_TREE": str(self.work_tree)}
        if command == "check-ignore":
            del environment["GIT_LITERAL_PATHSPECS"]  # it takes nothing else, and refuses to be told so
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
    """The nearest folder upwards that has a ``.git``; whether that can be trusted is not looked at. A folder
    of that name without a HEAD is no repository, as for git itself."""
    return next((place for place in (folder, *folder.parents) if _has_git(place / ".git")), None)


def _has_git(path: Path) -> bool:
    is_folder = path.is_dir() and not path.is_symlink()
    return os.path.lexists(path / "HEAD" if is_folder else path)


def pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    """Standard input, output and error of a process that `Git.start` began."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise GitError("git was started without pipes.", hint="Please report this.")
    return process.stdin, process.stdout, process.stderr


def _converse(
    process: subprocess.Popen[bytes], data: bytes, deadline: Deadline, limit: int
) -> tuple[bytes, bytes]:
    """Write the data and read what comes, without a thread. Output ends shortly after the limit."""
    stdin, stdout, stderr = pipes(process)
    output, complaint, rest = bytearray(), bytearray(), memoryview(data)
    with selectors.DefaultSelector() as waiting:
        waiting.register(stdout, selectors.EVENT_READ)
        waiting.register(stderr, selectors.EVENT_READ)
        os.set_blocking(stdin.fileno(), False)
        waiting.register(stdin, selectors.EVENT_WRITE)
        while waiting.get_map() and len(output) <= limit:
            ready = waiting.select(deadline.left)
            if not deadline.left:
                _kill(process)  # with its children, which may outlive it and keep the pipes open
                deadline.check()
            for key, _ in ready:
                if key.fileobj is stdin:
                    rest = rest[_give(stdin, rest) :]
                    done = not rest
                else:
                    piece = os.read(key.fd, 1 << 20)
                    (output if key.fileobj is stdout else complaint).extend(piece)
                    del complaint[:-KEPT]
                    done = not piece
                if done:
                    waiting.unregister(key.fileobj)
                if done and key.fileobj is stdin:
                    stdin.close()
    return bytes(output), bytes(complaint)


def _give(pipe: IO[bytes], data: memoryview) -> int:
    try:
        return os.write(pipe.fileno(), data[: 1 << 16]) if data else 0
    except BlockingIOError:
        return 0
    except BrokenPipeError:  # a command that fails early says why on its own
        return len(data)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
