"""Runs code in the shell of this process, on its main thread: outputs are shown and also kept."""

import asyncio
import contextlib
import contextvars
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from codemad_jupyter.notebooks.collect import OutputLog
from codemad_jupyter.notebooks.outputs import plain
from codemad_jupyter.notebooks.ports import OnOutput
from codemad_jupyter.protocol.kernels import ExecutionResult

LONGEST_MESSAGE = 2_000


class HeardLog(OutputLog):
    """An `OutputLog` that also passes on what it takes."""

    def __init__(self, on_output: OnOutput) -> None:
        super().__init__()
        self._on_output = on_output

    def add(self, kind: str, content: dict[str, Any]) -> None:
        """Take one message and tell of it."""
        super().add(kind, content)
        self._on_output(kind, content)


def run_and_capture(shell: Any, code: str, on_output: OnOutput | None = None) -> ExecutionResult:
    """Run the code as a cell within the cell that is running.

    It gets no entry in the history: its number would be the one of the cell around it.
    """
    begin = time.monotonic()
    log = OutputLog() if on_output is None else HeardLog(on_output)
    with tapped(shell, log), own_loop(shell):
        result = shell.run_cell(code, store_history=False)
    error = result.error_before_exec or result.error_in_exec
    trace = shown_trace(shell, error) if error is not None else []
    if error is not None:
        content = {"ename": type(error).__name__, "evalue": str(error), "traceback": trace}
        log.add("error", content)
    return ExecutionResult(
        ok=error is None,
        error_name=type(error).__name__ if error is not None else "",
        error_message=plain(str(error), LONGEST_MESSAGE) if error is not None else "",
        traceback=plain("\n".join(trace)),
        outputs=log.outputs(),
        seconds=round(time.monotonic() - begin, 3),
    )


def shown_trace(shell: Any, error: BaseException) -> list[str]:
    """The traceback as the shell has just shown it, or as Python would."""
    shown = getattr(shell, "_last_traceback", None)
    return list(shown) if shown else traceback.format_exception(error)


@contextlib.contextmanager
def tapped(shell: Any, log: OutputLog) -> Iterator[None]:
    """While inside, whatever is shown also goes to the log."""

    def published(data: Any, metadata: Any = None, **rest: Any) -> None:
        update = bool(rest.get("update"))
        content = {"data": dict(data), "metadata": dict(metadata or {}), "transient": rest.get("transient")}
        log.add("update_display_data" if update else "display_data", content)

    def returned(data: Any, metadata: Any = None) -> None:
        log.add("execute_result", {"data": dict(data), "metadata": dict(metadata or {})})

    with contextlib.ExitStack() as taps:
        for name in ("stdout", "stderr"):
            taps.enter_context(tap(getattr(sys, name), "write", stream_listener(shell, name, log)))
        taps.enter_context(tap(shell.display_pub, "publish", published))
        cleared = lambda wait=False: log.add("clear_output", {"wait": wait})  # noqa: E731
        taps.enter_context(tap(shell.display_pub, "clear_output", cleared))
        taps.enter_context(tap(shell.displayhook, "write_format_data", returned))
        yield


def stream_listener(shell: Any, name: str, log: OutputLog) -> Callable[..., None]:
    """Takes what code writes to a stream; a terminal's shell also writes results there, logged already."""

    def written(text: Any) -> None:
        showing = (
            getattr(shell.displayhook, "is_active", False),
            getattr(shell.display_pub, "is_publishing", False),
            getattr(shell, "showing_traceback", False),
        )
        if not any(showing):
            log.add("stream", {"name": name, "text": str(text)})

    return written


@contextlib.contextmanager
def tap(owner: Any, name: str, listen: Callable[..., None]) -> Iterator[None]:
    """While inside, ``listen`` hears every call of the method ``name`` of this one object."""
    method = getattr(owner, name)
    own = vars(owner).get(name) if hasattr(owner, "__dict__") else None

    def heard(*args: Any, **options: Any) -> Any:
        listen(*args, **options)
        return method(*args, **options)

    setattr(owner, name, heard)
    try:
        yield
    finally:
        if own is not None:
            setattr(owner, name, own)
        else:
            delattr(owner, name)


@contextlib.contextmanager
def own_loop(shell: Any) -> Iterator[None]:
    """While inside, top-level await runs on a loop of its own: the kernel's is busy with this very cell."""
    before = shell.loop_runner
    shell.loop_runner = run_elsewhere
    try:
        yield
    finally:
        shell.loop_runner = before


def run_elsewhere(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine run on another thread, in this context so that outputs find their cell."""
    results: list[Any] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(asyncio.run(coroutine))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
    if errors:
        raise errors[0]
    return results[0]
