"""Trying code away from the user's state: the host's half, which starts a trial, waits and judges.

The half in the kernel is `trial_child` with `trial_guard` (what a trial must not touch) and
`trial_scan` (what its text tells). Where nothing can be forked, the syntax is still checked.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from codemad_jupyter.notebooks import trial_scan
from codemad_jupyter.protocol.edits import Trial
from codemad_jupyter.protocol.errors import KernelError

TRIAL_FILES = ("probe_safe", "trial_scan", "trial_guard", "trial_child")
MARGIN = 4.0
LONGEST_PAUSE = 0.25


Ask = Callable[[str, dict[str, Any]], Awaitable[str]]


async def try_by(call: Ask, code: str, *, timeout: float) -> Trial:
    """Try the code in a fork of the kernel; killed after ``timeout`` seconds.

    ``call`` runs a function of `trial_child` in the kernel and gives the JSON text it made.
    """

    async def ask(function: str, arguments: dict[str, Any]) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(await call(function, arguments))
        return state

    begin = time.monotonic()
    state = await ask("start", {"code": code, "timeout": timeout})
    place: dict[str, Any] = {name: state[name] for name in ("process", "folder") if name in state}
    pause = 0.02
    try:
        while state["status"] == "running" and time.monotonic() - begin < timeout:
            await asyncio.sleep(min(pause, max(timeout - (time.monotonic() - begin), 0)))
            pause = min(2 * pause, LONGEST_PAUSE)
            state = await ask("poll", place)
    except asyncio.CancelledError:
        await asyncio.shield(ask("stop", place))
        raise
    if state["status"] == "running":
        state = await ask("stop", place)
    return verdict(state, timeout, time.monotonic() - begin)


def verdict(state: dict[str, Any], timeout: float, seconds: float) -> Trial:
    """The state of an ended (or just killed) trial as a value."""
    if state["status"] == "running":
        detail = f"it did not finish within {timeout:g} s; nothing failed until then"
        return Trial(status="skipped", method="fork", detail=detail, seconds=round(seconds, 3))
    if state["status"] not in ("passed", "failed", "skipped"):
        raise KernelError("The trial gave no sensible answer.", hint="Run the code to see what it does.")
    return Trial(
        status=state["status"],
        method=state.get("method", "fork"),
        detail=state.get("detail", ""),
        seconds=round(seconds, 3),
    )


def check_syntax(code: str, why: str = "no kernel is running") -> Trial:
    """The trial where there is no kernel: compiles the code, magics and top-level await understood."""
    from IPython.core.inputtransformer2 import TransformerManager

    begin = time.monotonic()
    error = trial_scan.syntax_error(TransformerManager().transform_cell(code))  # type: ignore[no-untyped-call]
    seconds = round(time.monotonic() - begin, 3)
    if error is not None:
        line = f" (line {error.lineno})" if error.lineno else ""
        return Trial(
            status="failed", method="syntax", detail=f"SyntaxError: {error.msg}{line}", seconds=seconds
        )
    return Trial(status="skipped", method="syntax", detail=f"syntax is fine; not run: {why}", seconds=seconds)
