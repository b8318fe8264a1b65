# ruff: noqa: PTH118, PTH123
"""A trial: fork the kernel, run the code in the copy, report how it ended, throw the copy away.

Runs inside the user's kernel (Python 3.9 or newer, standard library alone), from any thread, also
while a cell runs. Nothing is kept here between calls: the host hands back process and folder.
"""

from __future__ import annotations
import __future__

import ast
import asyncio
import builtins
import contextlib
import errno
import gc
import io
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from typing import Any

from codemad_jupyter.notebooks.probe_safe import cut, environment_secrets, mask
from codemad_jupyter.notebooks.trial_guard import Untried, enter_cage, refusal
from codemad_jupyter.notebooks.trial_scan import FILE, effect, syntax_error

FIRST_WAIT = 0.25
OUT_OF_REACH = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTSOCK,
    errno.EBADF,
    errno.EPIPE,
    errno.EFBIG,
    errno.ECONNREFUSED,
    errno.ENETUNREACH,
}
LEADING_BLANKS = re.compile(r"(?:[ \t]*\n)*")
FUTURES = 0
for _name in __future__.all_feature_names:
    FUTURES |= getattr(__future__, _name).compiler_flag


def start(code: str, timeout: float, shell: Any = None) -> str:
    """Begin a trial; JSON of its result if it ends at once, else of where it runs."""
    if shell is None:
        shell = sys.modules["IPython.core.getipython"].get_ipython()
    reason = refusal()
    if reason:
        return json.dumps(check(code, reason))
    folder = tempfile.mkdtemp(prefix="codemad-trial-")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    try:
        process = os.fork()
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        return json.dumps(check(code, "the kernel could not be copied (" + str(error) + ")"))
    if process == 0:
        child(shell, code, timeout, folder)
    end = time.monotonic() + min(FIRST_WAIT, timeout)
    while True:
        state = look(process, folder)
        if state["status"] != "running" or time.monotonic() >= end:
            return json.dumps(state)
        time.sleep(0.005)


def poll(process: int, folder: str) -> str:
    """JSON of how the trial stands."""
    return json.dumps(look(process, folder))


def stop(process: int, folder: str) -> str:
    """Kill the trial; JSON of its result, should it have ended just before."""
    state = look(process, folder)
    if state["status"] == "running":
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
            os.killpg(process, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process, 0)
        shutil.rmtree(folder, ignore_errors=True)
    return json.dumps(state)


def look(process: int, folder: str) -> dict[str, Any]:
    """Is it running, or how did it end? The folder goes with the process."""
    try:
        done, status = os.waitpid(process, os.WNOHANG)
    except ChildProcessError:
        done, status = process, 0  # somebody else in the kernel collects children
    if done == 0:
        return {"status": "running", "process": process, "folder": folder}
    try:
        with open(os.path.join(folder, "result.json"), encoding="utf-8") as file:
            result: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        result = violent_end(status)
    shutil.rmtree(folder, ignore_errors=True)
    return {"method": "fork", **result}


def violent_end(status: int) -> dict[str, Any]:
    """What a process that left no result died of."""
    if not os.WIFSIGNALED(status):
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else status
        return {"status": "failed", "detail": "SystemExit: the process ended itself with code " + str(code)}
    number = os.WTERMSIG(status)
    if number in (signal.SIGALRM, signal.SIGXCPU):
        return {"status": "skipped", "detail": "it did not finish in time"}
    if number in (signal.SIGKILL, signal.SIGINT):
        return {"status": "skipped", "detail": "the trial was ended from outside, perhaps for want of memory"}
    name = signal.Signals(number).name
    return {"status": "failed", "detail": name + ": the code crashes the Python process"}


def check(code: str, reason: str) -> dict[str, Any]:
    """Without a fork: does the code compile? The reason why it was not run goes with the answer."""
    module = sys.modules.get("IPython.core.inputtransformer2")
    source = module.TransformerManager().transform_cell(code) if module is not None else code
    error = syntax_error(source)
    if error is not None:
        return {"status": "failed", "method": "syntax", "detail": describe(error, error.lineno)}
    return {"status": "skipped", "method": "syntax", "detail": "syntax is fine; not run: " + reason}


def child(shell: Any, code: str, timeout: float, folder: str) -> None:
    """The copy's whole life. It ends here whatever happens: the kernel's own code must not go on in it."""
    result: dict[str, Any] = {}
    try:
        refused: list[str] = []
        shown: list[BaseException | None] = []
        redirect(folder)
        os.setpgid(0, 0)
        settle_libraries()
        settle_shell(shell, refused, shown)
        gc.freeze()
        enter_cage(folder, timeout, refused)
        result = judge(shell, code, refused, shown)
        with open(os.path.join(folder, "result.json"), "w", encoding="utf-8") as file:
            file.write(json.dumps(result))
    finally:
        os._exit(0 if result else 70)


def redirect(folder: str) -> None:
    """Whatever is printed, by Python or below it, goes to a file of the trial."""
    target = os.open(os.path.join(folder, "out.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    sys.stdout = sys.stderr = Sink()


class Sink(io.TextIOBase):
    """Takes text and forgets it."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1


def settle_libraries() -> None:
    """Thread pools do not survive a fork; told so, libraries do without."""
    with contextlib.suppress(Exception):
        if "threadpoolctl" in sys.modules or "sklearn" in sys.modules:
            __import__("threadpoolctl").threadpool_limits(1)
    with contextlib.suppress(Exception):
        if "joblib" in sys.modules:
            sys.modules["joblib"].parallel_config("sequential")
            loky = sys.modules.get("joblib.externals.loky.reusable_executor")
            if loky is not None:
                loky._executor = None  # type: ignore[attr-defined]
    with contextlib.suppress(Exception):
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].show = lambda *args, **options: None  # type: ignore[attr-defined]
    with contextlib.suppress(Exception):
        if "faulthandler" in sys.modules:
            sys.modules["faulthandler"].disable()


def settle_shell(shell: Any, refused: list[str], shown: list[BaseException | None]) -> None:
    """The copy of the shell shows nothing, keeps no history and asks nobody.

    Some magics show an exception instead of raising it; those are kept in ``shown``.
    """

    def ask(*args: Any, **options: Any) -> str:
        refused.append("it asks for input")
        raise Untried(refused[-1])

    builtins.input = ask
    if "getpass" in sys.modules:
        sys.modules["getpass"].getpass = ask  # type: ignore[attr-defined]
    shell.history_manager.enabled = False
    shell.events.callbacks = {name: [] for name in shell.events.callbacks}
    shell.display_pub.publish = lambda *args, **options: None
    shell.display_pub.clear_output = lambda *args, **options: None
    shell.showtraceback = lambda *args, **options: shown.append(sys.exc_info()[1])


def judge(shell: Any, code: str, refused: list[str], shown: list[BaseException | None]) -> dict[str, Any]:
    """Run the code and say how it went."""
    flags = getattr(shell.compile, "flags", 0) & FUTURES
    source = shell.transform_cell(code)
    skipped = len(LEADING_BLANKS.match(code).group().splitlines())  # type: ignore[union-attr]
    error: BaseException | None = syntax_error(source, flags)
    if isinstance(error, SyntaxError):
        line = error.lineno + skipped if error.lineno else None
        return {"status": "failed", "method": "syntax", "detail": describe(error, line)}
    reason = effect(source, shell.transform_cell)
    if reason:
        return {"status": "skipped", "method": "syntax", "detail": "syntax is fine; not run: " + reason}
    error = run(shell, source, flags) or next(filter(None, shown), None)
    if error is None:
        return {"status": "passed", "detail": ""}
    if refused:
        return {"status": "skipped", "detail": "stopped before it ended: " + refused[0]}
    if out_of_reach(error):
        why = "it needs a file, connection or memory that a trial must not touch"
        return {"status": "skipped", "detail": why + " (" + describe(error, line_of(error, skipped)) + ")"}
    return {"status": "failed", "detail": describe(error, line_of(error, skipped))}


def run(shell: Any, source: str, flags: int) -> BaseException | None:
    """Run in the copied namespace, with an event loop of its own, running as the kernel's does."""
    space, loop = shell.user_ns, asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncio.events._set_running_loop(None)
    try:
        compiled = compile(
            source, FILE, "exec", flags=flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
        with shell.builtin_trap:
            if compiled.co_flags & 0x80:
                loop.run_until_complete(eval(compiled, space))  # noqa: S307
            else:
                asyncio.events._set_running_loop(loop if hasattr(shell, "kernel") else None)
                exec(compiled, space)  # noqa: S102
    except BaseException as error:
        return error
    return None


def out_of_reach(error: BaseException | None) -> bool:
    """Did it fail at the cage rather than at itself?"""
    while error is not None:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in OUT_OF_REACH):
            return True
        if type(error).__module__ == "sqlite3" and ("readonly" in str(error) or "disk I/O" in str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def line_of(error: BaseException, skipped: int) -> int | None:
    """The line of the tried code where it failed; IPython drops ``skipped`` blank lines at the top."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            line = trace.tb_lineno + skipped
        trace = trace.tb_next
    return line


def describe(error: BaseException, line: int | None) -> str:
    """``Name: message (line n)``."""
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:
        text = "(its message cannot be shown)"
    name = type(error).__name__
    shown = cut(mask((name + ": " + str(text)) if text else name, environment_secrets()), 500)
    return shown + (" (line " + str(line) + ")" if line else "")
