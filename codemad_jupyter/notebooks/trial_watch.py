# ruff: noqa: PTH118, PTH123
"""How a trial stands, seen from the kernel: polling, stopping, and the result it left.

Runs inside the user's kernel (Python 3.9 or newer, standard library alone), from any thread. Nothing is
kept here between calls: the host hands back process and folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import time
from typing import Any

from codemad_jupyter.notebooks.probe_safe import environment_secrets, mask

MOST_READ = 12_000_000
NATIVE_HEAD, NATIVE_TAIL = 4000, 2000
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]")


def poll(process: int, folder: str) -> str:
    """JSON of how the trial stands."""
    return json.dumps(standing(process, folder))


def stop(process: int, folder: str) -> str:
    """End the trial; JSON of its result, or of what it showed until now."""
    state = standing(process, folder)
    if state["status"] != "running":
        return json.dumps(state)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)  # the keeper ends what the trial started, then itself
    end = time.monotonic() + 1.0
    while state["status"] == "running" and time.monotonic() < end:
        time.sleep(0.01)
        state = standing(process, folder)
    if state["status"] == "running":
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
            os.killpg(process, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process, 0)
        shutil.rmtree(folder, ignore_errors=True)
    return json.dumps(state)


def standing(process: int, folder: str) -> dict[str, Any]:
    """Is it running, or how did it end? The folder goes with the process."""
    try:
        done, status = os.waitpid(process, os.WNOHANG)
    except ChildProcessError:
        done, status = process, 0  # somebody else in the kernel collects children
    if done == 0:
        return {"status": "running", "process": process, "folder": folder}
    result = result_in(folder, status)
    shutil.rmtree(folder, ignore_errors=True)
    return result


def result_in(folder: str, status: int) -> dict[str, Any]:
    """What the trial left: its verdict and outputs, or how it ended without one."""
    result = read_json(folder, "result.json")
    end = read_json(folder, "end.json")
    if type(result) is not dict or "status" not in result:
        result = (
            late_end()
            if type(end) is dict and end.get("late")
            else violent_end(end.get("status", status) if type(end) is dict else status)
        )
    outputs = read_json(folder, "outputs.json")
    shown = outputs if type(outputs) is list else []
    native = native_text(folder)
    if native:
        shown.append({"output_type": "stream", "name": "stdout", "text": native})
    return {"method": "fork", **result, "outputs": shown}


def read_json(folder: str, name: str) -> Any:
    """The content of one of the trial's files; None where there is none that can be read."""
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            return json.loads(file.read(MOST_READ))
    except (OSError, ValueError, RecursionError):
        return None


def native_text(folder: str) -> str:
    """Head and tail of what code below Python wrote."""
    try:
        with open(os.path.join(folder, "out.txt"), "rb") as file:
            head = file.read(NATIVE_HEAD)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - NATIVE_TAIL, len(head)))
            tail = file.read(NATIVE_TAIL)
    except OSError:
        return ""
    left_out = size - len(head) - len(tail)
    middle = "\n[… " + str(left_out) + " bytes left out …]\n" if left_out > 0 else ""
    text = head.decode("utf-8", "replace") + middle + tail.decode("utf-8", "replace")
    return mask(CONTROL.sub("", text), environment_secrets())


def late_end() -> dict[str, Any]:
    """The result of a trial that was ended at its deadline."""
    return {"status": "skipped", "late": True, "detail": "it did not finish in time"}


def violent_end(status: int) -> dict[str, Any]:
    """What a process that left no result died of."""
    if not os.WIFSIGNALED(status):
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else status
        return {"status": "failed", "detail": "SystemExit: the process ended itself with code " + str(code)}
    number = os.WTERMSIG(status)
    if number in (signal.SIGALRM, signal.SIGXCPU):
        return late_end()
    if number in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
        return {"status": "skipped", "detail": "the trial was ended from outside, perhaps for want of memory"}
    name = signal.Signals(number).name
    return {"status": "failed", "detail": name + ": the code crashes the Python process"}
