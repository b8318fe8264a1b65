# ruff: noqa: PTH118, PTH123, PTH208
"""The keeper of a trial: a copy of the kernel that stays as it was, with the runner as its child.

Runs in the first fork of the kernel (Linux, Python 3.9 or newer, standard library alone). It answers
what the names held before, ends the runner at its deadline, and leaves no process behind: whatever
a trial starts becomes a child of the keeper when its parent goes.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import time
from typing import Any

from codemad_jupyter.notebooks.trial_receipt import RECEIPT_SECONDS, serve

LONGEST_LINE = 4_000_000


class Line:
    """Questions and answers by two pipes, one JSON text a line. What comes may be anything."""

    paged = True

    def __init__(self, reading: int, writing: int) -> None:
        self.reading, self.writing, self.rest = reading, writing, b""

    def send(self, value: Any) -> None:
        """Write one line."""
        data = json.dumps(value).encode() + b"\n"
        while data:
            data = data[os.write(self.writing, data) :]

    def receive(self, seconds: float) -> Any:
        """The next line; None when there was none in time, EOFError when there will be none."""
        end = time.monotonic() + seconds
        while b"\n" not in self.rest:
            ready = select.select([self.reading], [], [], max(end - time.monotonic(), 0))[0]
            if not ready:
                return None
            data = os.read(self.reading, 65_536)
            if not data or len(self.rest) > LONGEST_LINE:
                raise EOFError
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """In the runner: an answer of the keeper, or nothing when it is late."""
        self.send(request)
        answer = self.receive(float(request["seconds"]) + 1)
        return answer if type(answer) is dict else {}


def keep(space: dict[str, Any], timeout: float, folder: str, run: Any) -> None:
    """The keeper's whole life. ``run`` is what the runner does with its end of the line."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG: go when the kernel goes
    libc.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans of the trial come here
    os.setpgid(0, 0)
    gc.disable()
    end: dict[str, Any] = {}
    stopped: list[int] = []
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    asking, answering = os.pipe(), os.pipe()
    runner = os.fork()
    if runner == 0:
        os.close(asking[0])
        os.close(answering[1])
        run(Line(answering[0], asking[1]))
        os._exit(71)
    os.close(asking[1])
    os.close(answering[0])
    try:
        end = wait_for(runner, Line(asking[0], answering[1]), space, time.monotonic() + timeout, stopped)
    finally:
        sweep()
        with open(os.path.join(folder, "end.json"), "w", encoding="utf-8") as file:
            file.write(json.dumps(end))


def wait_for(
    runner: int, line: Line, space: dict[str, Any], deadline: float, stopped: list[int]
) -> dict[str, Any]:
    """Serve the runner until it ends or its time is up; how it ended."""
    talking = True
    while not stopped and time.monotonic() < deadline:
        if talking:
            try:
                request = line.receive(0.05)
                if request == "ran":  # only the receipt is left to do
                    deadline = time.monotonic() + 2 * RECEIPT_SECONDS
                elif request is not None:
                    line.send(serve(space, request))
            except Exception:
                talking = False
        else:
            time.sleep(0.01)
        done, status = os.waitpid(runner, os.WNOHANG)
        if done:
            return {"status": status}
    return {"late": True}


def sweep() -> None:
    """Kill all descendants."""
    for _ in range(200):
        for process in children():
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def children() -> list[int]:
    """The processes whose parent this one is."""
    found, own = [], str(os.getpid())
    for name in os.listdir("/proc"):
        if name.isdigit():
            with (
                contextlib.suppress(OSError),
                open("/proc/" + name + "/stat", encoding="utf-8", errors="replace") as file,
            ):
                if file.read().rpartition(")")[2].split()[1] == own:
                    found.append(int(name))
    return found
