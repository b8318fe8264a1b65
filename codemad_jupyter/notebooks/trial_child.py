# ruff: noqa: PTH105, PTH109, PTH118, PTH123
"""A trial: fork the kernel, run the code in the copy, report how it ended, throw the copy away.

Runs inside the user's kernel (Python 3.9 or newer, standard library alone), from any thread, also
while a cell runs. The copy is made twice: the first stays as it is (`trial_keeper`), the second runs
the code. Nothing is kept here between calls: the host hands back process and folder.
"""

from __future__ import annotations
import __future__

import ast
import asyncio
import contextlib
import errno
import gc
import json
import linecache
import os
import re
import shutil
import sys
import tempfile
import time
import warnings
from typing import Any

from codemad_jupyter.notebooks.probe_safe import cut, environment_secrets, mask
from codemad_jupyter.notebooks.trial_guard import enter_cage, refusal
from codemad_jupyter.notebooks.trial_keeper import Line, keep
from codemad_jupyter.notebooks.trial_receipt import Notes, Snapshot, receipt
from codemad_jupyter.notebooks.trial_scan import FILE, effect, syntax_error
from codemad_jupyter.notebooks.trial_settle import redirect, settle_libraries, settle_shell
from codemad_jupyter.notebooks.trial_show import Record, capture, flush_figures
from codemad_jupyter.notebooks.trial_watch import standing

FIRST_WAIT = 0.25
NOTES_SECONDS = 2.0
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


def start(
    code: str, timeout: float, memory: int = 0, method: str = "auto", before: str = "", shell: Any = None
) -> str:
    """Begin a trial; JSON of its result if it ends at once, else of where it runs.

    ``before`` runs first, unseen; ``memory`` is what the code may take, in bytes. Where no copy is made,
    ``refused`` of the answer says why, and ``python`` and ``cwd`` where another process could stand in.
    """
    if shell is None:
        shell = sys.modules["IPython.core.getipython"].get_ipython()
    reason = refusal() if method in ("auto", "fork") else "trials are set not to copy the kernel"
    if reason:
        return json.dumps(untried(code, reason))
    folder = tempfile.mkdtemp(prefix="codemad-trial-")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    try:
        process = fork_quietly()
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        return json.dumps(untried(code, "the kernel could not be copied (" + str(error) + ")"))
    if process == 0:
        try:
            work = (shell, before, code, timeout, folder, memory)
            keep(shell.user_ns, timeout, folder, lambda line: child(*work, line))
        finally:
            os._exit(0)
    end = time.monotonic() + min(FIRST_WAIT, timeout)
    while True:
        state = standing(process, folder)
        if state["status"] != "running" or time.monotonic() >= end:
            return json.dumps(state)
        time.sleep(0.005)


def fork_quietly() -> int:
    """Fork. Newer versions of Python warn when there are threads; what they warn of is seen to here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def untried(code: str, reason: str) -> dict[str, Any]:
    """The answer where the kernel is not copied."""
    return {**check(code, reason), "refused": reason, "python": sys.executable, "cwd": os.getcwd()}


def check(code: str, reason: str) -> dict[str, Any]:
    """Without a fork: does the code compile? The reason why it was not run goes with the answer."""
    module = sys.modules.get("IPython.core.inputtransformer2")
    source = module.TransformerManager().transform_cell(code) if module is not None else code
    error = syntax_error(source)
    if error is not None:
        return {"status": "failed", "method": "syntax", "detail": describe(error, error.lineno)}
    return {"status": "skipped", "method": "syntax", "detail": "syntax is fine; not run: " + reason}


def child(shell: Any, before: str, code: str, timeout: float, folder: str, memory: int, line: Line) -> None:
    """The runner's whole life. It ends here whatever happens: the kernel's own code must not go on in it."""
    done = False
    try:
        refused: list[str] = []
        shown: list[BaseException | None] = []
        redirect(folder)
        settle_libraries()
        settle_shell(shell, refused, shown)
        quiet = Record(os.path.join(folder, "before.json"))
        capture(shell, quiet)
        gc.freeze()
        enter_cage(folder, timeout, refused, memory=memory, keep=(line.reading, line.writing))
        why = run_before(shell, before, quiet, refused, shown) if before else ""
        record = Record(os.path.join(folder, "outputs.json"))
        capture(shell, record)
        case = Case(shell, code, record, refused, shown)
        if why:
            result = {"status": "skipped", "detail": "what was proposed before it does not run: " + why}
        else:
            result = case.judge(line, folder, noted=bool(before))
        write_result(folder, result)
        done = True
    finally:
        os._exit(0 if done else 70)


def write_result(folder: str, result: dict[str, Any]) -> None:
    """Leave the verdict where the kernel finds it."""
    path = os.path.join(folder, "result.json")
    with open(path + ".new", "w", encoding="utf-8", errors="replace") as file:
        file.write(json.dumps(result))
    os.replace(path + ".new", path)


class Case:
    """The code under trial, in the copied shell."""

    def __init__(
        self,
        shell: Any,
        code: str,
        record: Record,
        refused: list[str],
        shown: list[BaseException | None],
    ) -> None:
        self.shell, self.code, self.record, self.refused, self.shown = shell, code, record, refused, shown
        self.skipped = len(LEADING_BLANKS.match(code).group().splitlines())  # type: ignore[union-attr]
        self.flags = getattr(shell.compile, "flags", 0) & FUTURES | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def judge(self, line: Line | None, folder: str, *, noted: bool) -> dict[str, Any]:
        """Run the code and say how it went. What was there before is noted here, or asked by the line."""
        source = self.shell.transform_cell(self.code)
        error = syntax_error(source, self.flags)
        if error is not None:
            number = error.lineno + self.skipped if error.lineno else None
            return {"status": "failed", "method": "syntax", "detail": describe(error, number)}
        reason = effect(source, self.shell.transform_cell)
        if reason:
            return {"status": "skipped", "method": "syntax", "detail": "syntax is fine; not run: " + reason}
        linecache.cache[FILE] = (len(source), None, source.splitlines(True), FILE)
        pieces = self.pieces(source)
        snapshot = Snapshot(self.shell, [compile(source, FILE, "exec", self.flags, dont_inherit=True)])
        before = Notes(snapshot, NOTES_SECONDS) if noted or line is None else line
        failure = self.run(pieces) or next(filter(None, self.shown), None)
        result = self.verdict(failure)
        self.record.save(now=True)
        write_result(folder, result)
        if line is not None:
            line.send("ran")
        with contextlib.suppress(Exception):
            result["receipt"] = receipt(snapshot, before)
        return result

    def pieces(self, source: str) -> list[Any]:
        """The compiled code; the expressions that the shell would show are pieces of their own."""
        tree = self.shell.transform_ast(ast.parse(source, FILE))
        interactivity = getattr(self.shell, "ast_node_interactivity", "last_expr")
        quiet = source.rstrip().endswith(";") or interactivity == "none"
        body, shown = tree.body, []
        if interactivity == "all" and not quiet:
            return [self.piece([node], isinstance(node, ast.Expr)) for node in body]
        if body and isinstance(body[-1], ast.Expr) and not quiet:
            body, shown = body[:-1], body[-1:]
        return [self.piece(nodes, single) for nodes, single in ((body, False), (shown, True)) if nodes]

    def piece(self, nodes: list[Any], single: bool) -> Any:
        """Some statements as code; what ``single`` ones give is shown."""
        tree: Any = ast.Interactive(nodes) if single else ast.Module(nodes, [])
        return compile(tree, FILE, "single" if single else "exec", self.flags, dont_inherit=True)

    def run(self, pieces: list[Any]) -> BaseException | None:
        """Run in the copied namespace, with an event loop of its own, running as the kernel's does."""
        space, loop = self.shell.user_ns, asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            with self.shell.builtin_trap:
                sys.displayhook, hook = self.record.display_hook, sys.displayhook
                try:
                    for code in pieces:
                        self.run_piece(code, space, loop)
                    flush_figures()
                finally:
                    sys.displayhook = hook
        except BaseException as error:
            return error
        return None

    def run_piece(self, code: Any, space: dict[str, Any], loop: Any) -> None:
        """Run one piece of code, awaiting it where it awaits."""
        asyncio.events._set_running_loop(None)
        if code.co_flags & 0x80:
            loop.run_until_complete(eval(code, space))  # noqa: S307
        else:
            asyncio.events._set_running_loop(loop if hasattr(self.shell, "kernel") else None)
            exec(code, space)  # noqa: S102

    def verdict(self, error: BaseException | None) -> dict[str, Any]:
        """How it ended, in words."""
        if error is None:
            return {"status": "passed", "detail": ""}
        if self.refused:
            return {"status": "skipped", "detail": "stopped before it ended: " + self.refused[0]}
        said = describe(error, line_of(error, self.skipped))
        if out_of_reach(error):
            why = "it needs a file, connection or memory that a trial must not touch"
            return {"status": "skipped", "detail": why + " (" + said + ")"}
        self.record.error(error, describe(error, None).partition(": ")[2])
        return {"status": "failed", "detail": said}


def run_before(
    shell: Any, source: str, quiet: Record, refused: list[str], shown: list[BaseException | None]
) -> str:
    """Run a cell that the code needs; why that did not work, or nothing."""
    transformed = shell.transform_cell(source)
    error = syntax_error(transformed)
    reason = describe(error, error.lineno) if error is not None else effect(transformed, shell.transform_cell)
    if reason:
        return reason
    case = Case(shell, source, quiet, refused, shown)
    failure = case.run(case.pieces(transformed)) or next(filter(None, shown), None)
    if failure is None:
        quiet.clear()
        return ""
    return refused[0] if refused else cut(describe(failure, None), 300)


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
