"""Whether a cell runs, and keeping that visible while somebody looks.

Runs inside the user's kernel like `probe`. A kernel says "idle" after every request, also after one
that came by the control channel while a cell runs; a server and its front ends then take the kernel for
idle, and may even cull it. So "busy" is said again for as long as the cell runs.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

MOMENTS_LATER = (0.05, 0.5)  # seconds; the request's own "idle" comes first


def busy(shell: Any) -> bool:
    """Does a cell run? Seen from the main thread's stack, or from the main loop's tasks while one awaits."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        if frame.f_code.co_name == "run_code" and "IPython" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    loop = getattr(getattr(getattr(shell, "kernel", None), "io_loop", None), "asyncio_loop", None)
    asyncio = sys.modules.get("asyncio")
    if loop is None or asyncio is None:
        return False
    names = {getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks(loop)}
    return "InteractiveShell.run_cell_async" in names


def stay_busy(shell: Any) -> None:
    """Called by a request while a cell runs: says "busy" again soon after the request has ended."""
    kernel, asyncio = getattr(shell, "kernel", None), sys.modules.get("asyncio")
    if kernel is None or asyncio is None or threading.current_thread() is threading.main_thread():
        return
    for delay in MOMENTS_LATER:
        asyncio.get_running_loop().call_later(delay, say_state, shell, kernel)


def keep_input(shell: Any) -> None:
    """Called by a request while a cell runs: each request says for the whole kernel whether a person can be
    asked by ``input``, so what the cell's own request said is put back."""
    kernel = getattr(shell, "kernel", None)
    if kernel is not None and hasattr(kernel, "_allow_stdin"):
        cell = kernel.get_parent("shell") or {}
        kernel._allow_stdin = bool(cell.get("content", {}).get("allow_stdin", False))


def say_state(shell: Any, kernel: Any) -> None:
    """Say "busy" if a cell runs; the second look lets a cell that ends meanwhile have the last word."""
    if busy(shell):
        publish(kernel, "busy")
        if not busy(shell):
            publish(kernel, "idle")


def publish(kernel: Any, state: str) -> None:
    """A status as that of a cell: servers follow no other."""
    parent = {"header": kernel.session.msg_header("execute_request")}
    topic = kernel._topic("status")
    kernel.session.send(kernel.iopub_socket, "status", {"execution_state": state}, parent=parent, ident=topic)
