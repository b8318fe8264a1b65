"""Trying code away from the user's state: the host's half, which starts a trial, waits and judges.

The half in the kernel begins in `trial_child`: `trial_guard` and `trial_filter` say what a trial must not
touch, `trial_scan` what its text tells, `trial_show` what it shows, `trial_receipt` what it does to the
names. Where the kernel must not be copied, `trial_replay` can stand in; at the least the syntax is checked.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from pydantic import Field, ValidationError

from codemad_jupyter.notebooks import trial_scan
from codemad_jupyter.protocol.edits import Receipt, Trial
from codemad_jupyter.protocol.errors import KernelError

WATCH_FILES = ("probe_safe", "trial_watch")
TRIAL_FILES = (
    "probe_safe",
    "trial_scan",
    "trial_filter",
    "trial_guard",
    "trial_show",
    "trial_pages",
    "trial_values",
    "trial_reach",
    "trial_receipt",
    "trial_keeper",
    "trial_watch",
    "trial_settle",
    "trial_child",
)
MEMORY = 4_000_000_000
MARGIN = 4.0
GRACE = 1.0  # for the keeper to end a trial by itself
RECEIPT_TIME = 5.0  # at most, after the code has run
LONGEST_PAUSE = 0.25

Ask = Callable[[str, dict[str, Any]], Awaitable[str]]
Method = Literal["auto", "fork", "replay"]


class RefusedTrial(Trial):
    """The trial of a kernel that must not be copied; where a replay could stand in for it."""

    python: str = Field("", exclude=True)
    cwd: str = Field("", exclude=True)
    why: str = Field("", exclude=True)


async def try_by(
    call: Ask,
    code: str,
    *,
    before: str = "",
    timeout: float,
    memory: int = MEMORY,
    method: Method = "auto",
) -> Trial:
    """Try the code in a fork of the kernel; killed after ``timeout`` seconds.

    ``call`` runs a function of `trial_child` in the kernel and gives the JSON text it made.
    ``before`` runs first; ``memory`` is what the code may take, in bytes.
    """

    async def ask(function: str, arguments: dict[str, Any]) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(await call(function, arguments))
        return state

    begin = time.monotonic()
    order = {"code": code, "before": before, "timeout": timeout, "memory": memory, "method": method}
    state = await ask("start", order)
    place: dict[str, Any] = {name: state[name] for name in ("process", "folder") if name in state}
    pause, limit = 0.02, timeout + GRACE + RECEIPT_TIME
    try:
        while state["status"] == "running" and time.monotonic() - begin < limit:
            await asyncio.sleep(pause)
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
    detail = state.get("detail", "")
    status = "skipped" if state["status"] == "running" else state["status"]
    if state["status"] == "running" or state.get("late"):
        detail = f"it did not finish within {timeout:g} s; nothing failed until then"
    facts = {
        "status": status,
        "method": state.get("method", "fork"),
        "detail": detail,
        "seconds": round(seconds, 3),
        "outputs": outputs_of(state.get("outputs")),
        "receipt": receipt_of(state.get("receipt")),
    }
    try:
        if "refused" in state:
            facts.update(why=state["refused"], python=state.get("python", ""), cwd=state.get("cwd", ""))
            return RefusedTrial.model_validate(facts)
        return Trial.model_validate(facts)
    except ValidationError as error:
        raise KernelError(
            "The trial gave no sensible answer.", hint="Run the code to see what it does."
        ) from error


def outputs_of(found: Any) -> tuple[dict[str, Any], ...]:
    """The outputs, of which code under trial could have made anything."""
    known = ("stream", "display_data", "execute_result", "error")
    listed = found if isinstance(found, list) else []
    return tuple(item for item in listed if isinstance(item, dict) and item.get("output_type") in known)


def receipt_of(found: Any) -> Receipt | None:
    """The receipt; None where there is none that makes sense."""
    try:
        return None if found is None else Receipt.model_validate(found)
    except ValidationError:
        return None


def check_syntax(code: str, why: str = "no kernel is running") -> Trial:
    """The trial where there is no kernel: compiles the code, magics and top-level await understood."""
    from IPython.core.inputtransformer2 import TransformerManager

    begin = time.monotonic()
    error = trial_scan.syntax_error(TransformerManager().transform_cell(code))  # type: ignore[no-untyped-call]
    seconds = round(time.monotonic() - begin, 3)
    if error is not None:
        return broken(error, seconds)
    return Trial(status="skipped", method="syntax", detail=f"syntax is fine; not run: {why}", seconds=seconds)


def check_module(source: str) -> Trial:
    """The trial of a Python file: whether it compiles."""
    try:
        compile(source, "<file>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return broken(error, 0.0)
    except (ValueError, RecursionError, MemoryError) as error:
        return broken(SyntaxError(str(error)), 0.0)
    return Trial(status="passed", method="syntax")


def broken(error: SyntaxError, seconds: float) -> Trial:
    """The trial of what does not compile."""
    line = f" (line {error.lineno})" if error.lineno else ""
    detail = f"{type(error).__name__}: {error.msg}{line}"
    return Trial(status="failed", method="syntax", detail=detail, seconds=seconds)
