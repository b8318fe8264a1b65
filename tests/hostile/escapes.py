"""What a hijacked command tries against the sandbox: each case is a command and what must hold afterwards.

``python -m tests.hostile.escapes`` prints the table of all cases under all backends of this machine, as the
user who calls it. A case that is open under a limited backend
says so here, and the product says it in its status.
"""

import argparse
import asyncio
import contextlib
import os
import shlex
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from codemad_jupyter.tools.sandbox.confinement import Limits, workspace_confinement
from codemad_jupyter.tools.sandbox.process import Backend, start_with

BACKENDS: tuple[Backend, ...] = ("bubblewrap", "bubblewrap without /proc", "landlock", "none")
CANARY = "canary-5b1f"
PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
LIMIT = 60.0


@dataclass
class Stage:
    """A workspace with a home beside it, and listeners that note who came."""

    top: Path
    work: Path
    home: Path
    port: int
    visitors: list[str] = field(default_factory=list)
    said: str = ""
    code: int | None = None
    seconds: float = 0.0

    def untouched(self) -> bool:
        """Is all outside the workspace as it was?"""
        thesis, names = self.home / "thesis", sorted(path.name for path in self.home.iterdir())
        return names == [".bashrc", ".ssh", "socket", "thesis"] and thesis.read_text() == "mine"


Holds = Callable[[Stage], bool]


@dataclass(frozen=True)
class Case:
    """``command`` is shell, with {home}, {port} and {python} filled in; ``limits`` replace the usual ones.
    ``open_in`` names the backends that cannot hold it, which their state says."""

    id: str
    title: str
    command: str
    holds: Holds
    limits: Limits | None = None
    open_in: tuple[Backend, ...] = ("none",)
    environ: tuple[tuple[str, str], ...] = ()


def _python(code: str) -> str:
    return "{python} -c " + shlex.quote(code).replace("{", "{{").replace("}", "}}").replace(
        "@port", "{port}"
    ).replace("@home", "{home}")


def _silent(stage: Stage) -> bool:
    return not stage.visitors


def _no_canary(stage: Stage) -> bool:
    return CANARY not in stage.said


def _gone(stage: Stage) -> bool:
    """No process of the stage lives on."""
    return not alive(str(stage.top))


def alive(mark: str) -> list[int]:
    """The processes that have the mark in their words or variables."""
    found = []
    for each in Path("/proc").iterdir():
        if each.name.isdigit() and int(each.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark.encode() in (each / "cmdline").read_bytes() + (each / "environ").read_bytes():
                    found.append(int(each.name))
    return found


CONNECT = "import socket; s = socket.create_connection((%r, @port), 3); s.send(b'tcp')"
SEND = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.sendto(b'udp', ('127.0.0.1', @port))"
UNIX = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('@home/socket'); s.send(b'unix')"
HOG = "x = bytearray(2_000_000_000); print('had it all')"
FORKS = (
    "import os, time\n"
    "n = 0\n"
    "try:\n"
    "    while n < 400:\n"
    "        if os.fork() == 0:\n"
    "            time.sleep(30)\n"
    "            os._exit(0)\n"
    "        n += 1\n"
    "except OSError: pass\n"
    "print('forks', n)\n"
)
DAEMON = (
    "import os, time\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0: time.sleep(600)\n"
    "    os._exit(0)\n"
)

CASES = (
    Case("EXE-05", "delete what lies in the home", "rm -rf tests {home}/thesis {home}/.ssh", Stage.untouched),
    Case("EXE-05b", "overwrite through a link", "ln -s {home}/thesis l; echo x > l; true", Stage.untouched),
    Case("EXE-05c", "move a file in over one outside", "echo x > t; mv -f t {home}/thesis", Stage.untouched),
    Case("EXE-05d", "empty a file outside", "truncate -s 0 {home}/thesis", Stage.untouched),
    Case("EXE-05e", "write a start file of shells", "echo evil >> {home}/.bashrc", lambda s: "evil" not in
         (s.home / ".bashrc").read_text()),
    Case("EXE-07", "connect to a local server", _python(CONNECT % "127.0.0.1"), _silent),
    Case("EXE-07b", "the same by IPv6 form", _python(CONNECT % "::ffff:127.0.0.1"), _silent),
    Case("EXE-07c", "send a datagram", _python(SEND), _silent),
    Case("EXE-07d", "reach a Unix socket", _python(UNIX), _silent),
    Case("EXE-11", "a daemon keeps the pipe", _python(DAEMON),
         lambda s: _gone(s) and s.seconds < 30, open_in=()),
    Case("EXE-11b", "setsid in the background", "setsid sleep 600 & disown; true", _gone, open_in=()),
    Case("EXE-13", "memory without end", _python(HOG), lambda s: "had it all" not in s.said,
         limits=Limits(memory=500_000_000), open_in=()),
    Case("EXE-13b", "a file without end", "head -c 50000000 /dev/zero > big; stat -c %s big",
         lambda s: (s.work / "big").stat().st_size <= 1_000_000, open_in=(),
         limits=Limits(file_size=1_000_000)),
    Case("EXE-13c", "processes without end", _python(FORKS),
         lambda s: _gone(s) and "forks 400" not in s.said, limits=Limits(processes=60), open_in=()),
    Case("EXE-14", "keys in the environment", "env; cat /proc/$PPID/environ | tr '\\0' '\\n'", _no_canary,
         environ=(("OPENAI_API_KEY", CANARY), ("JUPYTER_TOKEN", CANARY)), open_in=()),
    Case("EXE-03", "variables that run something", "env; true", _no_canary, open_in=(),
         environ=(("LD_PRELOAD", CANARY), ("BASH_ENV", CANARY), ("GIT_SSH_COMMAND", CANARY))),
    Case("EXE-17", "ask a person", "read -r x; echo got; head -c1 /dev/tty; sudo -v; true",
         lambda s: s.seconds < 30, open_in=()),
    Case("KEY-01", "read a key file", "cat {home}/.ssh/id_rsa; tar c {home} | strings", _no_canary),
    Case("KEY-02", "read a key through a link", "ln -s {home}/.ssh k; cat k/id_rsa", _no_canary),
    Case("KEY-03", "read another process's variables",
         "for f in /proc/[0-9]*/environ; do tr '\\0' '\\n' < $f; done 2>/dev/null; true", _no_canary),
    Case("KRN-02", "read the token of the server", "cat {home}/.local/share/jupyter/runtime/*", _no_canary),
    Case("GIT-01", "plant a git hook", "mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit",
         lambda s: not (s.work / ".git/hooks/pre-commit").exists(), open_in=("landlock", "none")),
    Case("GIT-02", "write git's configuration", "echo '[core]\n fsmonitor=evil' >> .git/config",
         lambda s: "evil" not in (s.work / ".git/config").read_text(), open_in=("landlock", "none")),
    Case("BOX-01", "trace a process of the same user", _python(
        "import ctypes, os; p = int(open('@home/thesis') and os.getppid()); c = ctypes.CDLL(None); "
        "r = c.ptrace(16, p, 0, 0); r or (os.waitpid(p, 1 << 30), c.ptrace(17, p, 0, 0)); "
        "print('traced', r)"), lambda s: "traced 0" not in s.said),
    Case("BOX-02", "make name spaces of its own", "unshare -Ur true && echo made",
         lambda s: "made" not in s.said),
    Case("BOX-03", "mount something", "mkdir m; mount -t tmpfs x m && echo made; umount m",
         lambda s: "made" not in s.said),
    Case("BOX-04", "change a mode outside", "chmod 777 {home}/thesis",
         lambda s: (s.home / "thesis").stat().st_mode & 0o777 == 0o644, open_in=("landlock", "none")),
    Case("WORK-01", "work as usual", "echo fine > new && cat new && mkdir d && mv new d/ && ls d",
         lambda s: s.code == 0 and (s.work / "d/new").read_text() == "fine\n", open_in=()),
)  # fmt: skip


@contextmanager
def stage() -> Iterator[Stage]:
    """Set it up, and take it away. Not below /tmp, which a sandbox replaces as a whole."""
    top = Path(os.path.realpath(tempfile.mkdtemp(prefix="codemad-escape-", dir=_place())))
    work, home = top / "work", top / "home"
    (work / ".git/hooks").mkdir(parents=True)
    (work / ".git/config").write_text("[core]\n")
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/id_rsa").write_text(f"{CANARY}\n")
    (home / ".bashrc").write_text("# mine\n")
    (home / "thesis").write_text("mine")
    (home / "thesis").chmod(0o644)
    with socket.socket(socket.AF_UNIX) as local, _visited(top) as (port, visitors):
        local.bind(str(home / "socket"))
        local.listen()
        found = Stage(top, work, home, port, visitors)
        watching = threading.Thread(target=_note_visits, args=(local, visitors), daemon=True)
        watching.start()
        try:
            yield found
        finally:
            with contextlib.suppress(OSError):
                local.shutdown(socket.SHUT_RDWR)
            watching.join(5)
            shutil.rmtree(top, ignore_errors=True)


def _place() -> str:
    for text in (os.environ.get("HOSTILE_PLACE", ""), "/opt", str(Path.home())):
        if text and os.access(text, os.W_OK):
            return text
    return tempfile.gettempdir()


@contextmanager
def _visited(top: Path) -> Iterator[tuple[int, list[str]]]:
    """A port on which TCP and UDP visitors are noted."""
    visitors: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
        port = stream.getsockname()[1]
        datagram.bind(("127.0.0.1", port))
        watching = [
            threading.Thread(target=_note_visits, args=(stream, visitors), daemon=True),
            threading.Thread(target=_note_datagrams, args=(datagram, visitors), daemon=True),
        ]
        for each in watching:
            each.start()
        try:
            yield port, visitors
        finally:
            for sock in (stream, datagram):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            for each in watching:
                each.join(5)


def _note_visits(listener: socket.socket, visitors: list[str]) -> None:
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()
            visitors.append("connection")


def _note_datagrams(listener: socket.socket, visitors: list[str]) -> None:
    with contextlib.suppress(OSError):
        while listener.recv(16):
            visitors.append("datagram")


async def attempt(case: Case, backend: Backend) -> bool:
    """Run the command of the case; does what must hold, hold?"""
    with stage() as found:
        environ = {"PATH": os.defpath, "HOME": str(found.home), "MARK": str(found.top), **dict(case.environ)}
        confinement = workspace_confinement(
            found.work, environ=environ, limits=case.limits, data=[found.home / ".ssh"]
        )
        marked = {**confinement.environment, "LC_ALL": str(found.top)}
        command = case.command.format(home=found.home, port=found.port, python=PYTHON)
        began = time.monotonic()
        process = await start_with(
            backend,
            ["/bin/sh", "-c", command],
            cwd=found.work,
            confinement=replace(confinement, environment=marked),
        )
        reading = asyncio.create_task(process.stdout.read())
        try:
            async with asyncio.timeout(LIMIT):
                found.code = await process.wait()
                found.said = (await reading).decode(errors="replace")
        except TimeoutError:  # nothing held it, and what it did meanwhile is not known
            await process.stop()
            return False
        found.seconds = time.monotonic() - began
        return case.holds(found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    given = parser.parse_args()
    print(f"user {os.getuid()}", flush=True)  # noqa: T201
    for case in CASES:
        done = {name: asyncio.run(attempt(case, name)) for name in given.backend or BACKENDS}
        marks = ", ".join(f"{name} {'holds' if ok else 'OPEN'}" for name, ok in done.items())
        print(f"{case.id:8} {case.title:34} {marks}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
