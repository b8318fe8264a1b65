"""The command ``codemad`` for the documentation's blocks, without the second that Python's imports take.

Run as a script it imports what commands need, then waits at a socket. Each command that comes, with its
folder, environment and open files, is run in a fork, by the same ``main`` that the installed program calls.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WARM = (
    "anthropic",
    "codemad_jupyter.app.build",
    "codemad_jupyter.batch.cli",
    "cryptography.hazmat.primitives.ciphers.aead",
    "duckdb",
    "nbclient",
    "nbformat",
    "pydantic_settings",
    "tomlkit",
)
LONGEST = 1 << 20
CALL = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as there:
    there.connect({place!r})
    command = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
    socket.send_fds(there, [json.dumps(command).encode()], [0, 1, 2])
    there.shutdown(socket.SHUT_WR)
    sys.exit(int(there.recv(16)))
"""


@contextmanager
def warm_codemad(folder: Path) -> Iterator[Path]:
    """A folder for PATH that holds `codemad`, as long as the process behind it lives."""
    place, ready = folder / "codemad.socket", folder / "bin" / "codemad"
    ready.parent.mkdir()
    ready.write_text(CALL.format(python=sys.executable, place=str(place)))
    ready.chmod(0o755)
    command = [sys.executable, "-m", __name__, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield ready.parent
        finally:
            process.terminate()


def serve(place: str) -> None:
    for name in WARM:
        importlib.import_module(name)
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(place)
        door.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how the forks below ended
        while True:
            there, _ = door.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                door.close()
                answer(there)
            there.close()


def answer(there: socket.socket) -> None:
    """Run what was asked for in one more fork, which ends as any program does, and tell its exit code."""
    text, files, _, _ = socket.recv_fds(there, LONGEST, 3)
    while more := there.recv(LONGEST):
        text += more
    child = os.fork()
    if child == 0:
        there.close()
        perform(json.loads(text), files)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(BrokenPipeError):
        there.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def perform(command: dict[str, object], files: list[int]) -> None:
    """Be the program that was called."""
    from codemad_jupyter.batch.cli import main

    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    # Those of the warm process know whether its own files could be sought in.
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    os.chdir(str(command["folder"]))
    os.environ.clear()
    os.environ.update(command["environment"])  # type: ignore[arg-type]
    arguments = command["arguments"]
    assert isinstance(arguments, list)
    sys.argv = ["codemad", *arguments]
    try:
        code = main(arguments)
    except SystemExit as ended:  # --help, and what argparse refuses
        code = ended.code if isinstance(ended.code, int) else 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # all else that ends a program would copy the memory shared with the warm one


if __name__ == "__main__":
    serve(sys.argv[1])
