"""The host's half of looking into a kernel: makes the expression to send, reads the answer.

The code that runs over there is `probe` with its files; this one bundles their text, so that a kernel
of any environment can run it without CodeMAD being installed there.
"""

import ast
import functools
import json
import re
from importlib import resources
from typing import Any

from pydantic import ValidationError

from codemad_jupyter.notebooks.ports import TableData
from codemad_jupyter.protocol.errors import KernelError
from codemad_jupyter.protocol.kernels import KernelReport

PROBE_FILES = ("probe_safe", "probe_tables", "probe_busy", "probe_state", "probe")
EXPORT_FILES = ("probe_safe", "probe_tables", "probe_export")
OWN_IMPORT = re.compile(r"^from codemad_jupyter\.\S+ import (?:\([^)]*\)|[^\n]*)\n", re.MULTILINE)
FUTURE = "from __future__ import annotations\n"

# The kernel calls every ``post_execute`` callback after each request, also after a silent one that came
# by the control channel while a cell runs: matplotlib would show and close the cell's unfinished figures.
# This list is empty for one pass of the thread that put it there and is then the old one again.
QUIET = """
import sys, threading
class Quiet(list):
    def __getitem__(self, at):
        if type(at) is slice and threading.get_ident() == self.thread:
            self.callbacks["post_execute"] = list(self)
            return []
        return list.__getitem__(self, at)
shell = sys.modules["IPython.core.getipython"].get_ipython()
keep_input(shell)
callbacks = shell.events.callbacks
quiet = Quiet(callbacks["post_execute"])
quiet.thread, quiet.callbacks = threading.get_ident(), callbacks
callbacks["post_execute"] = quiet
if busy(shell):
    stay_busy(shell)
"""


@functools.cache
def bundle(files: tuple[str, ...]) -> str:
    """The text of several of this room's files as one script, without their imports of each other."""
    folder = resources.files(__package__)
    texts = [folder.joinpath(f"{name}.py").read_text(encoding="utf-8") for name in files]
    return FUTURE + "\n".join(OWN_IMPORT.sub("", text.replace(FUTURE, "")) for text in texts)


@functools.cache
def namespace(files: tuple[str, ...]) -> dict[str, Any]:
    """The same script run in this process: what a kernel here is looked at with."""
    space: dict[str, Any] = {"__name__": "codemad_probe"}
    exec(compile(bundle(files), "<codemad>", "exec"), space)  # noqa: S102
    return space


def call(files: tuple[str, ...], function: str, arguments: dict[str, Any]) -> str:
    """An expression that runs the script in a namespace of its own and calls one function of it."""
    space = f"{{'__name__': 'codemad_probe', 'arguments': {arguments!r}}}"
    body = f"{bundle(files)}\nanswer = {function}(**arguments)"
    return f"(lambda space: (__import__('builtins').exec({body!r}, space), space['answer'])[1])({space})"


def quiet_code() -> str:
    """The code of a request whose expressions look while a cell runs: no figure of the cell is shown,
    and the kernel goes on to be seen as busy. Adds no name either."""
    script = bundle(("probe_busy",)) + QUIET
    return f"__import__('builtins').exec({script!r}, {{'__name__': 'codemad_probe'}})"


def expression(names: tuple[str, ...] = (), deadline: float = 0.5) -> str:
    """The one expression that makes a kernel report."""
    return call(PROBE_FILES, "report", {"names": tuple(names), "deadline": deadline})


def answer(reply: dict[str, Any]) -> str:
    """The text an expression gave, from the ``user_expressions`` entry of a reply."""
    if reply.get("status") == "ok" and "text/plain" in reply.get("data", {}):
        try:
            text = ast.literal_eval(reply["data"]["text/plain"])
        except (ValueError, SyntaxError):
            text = None
        if isinstance(text, str):
            return text
    cause = f"{reply.get('ename', 'no text')}: {reply.get('evalue', '')}"
    raise KernelError(
        f"The kernel could not be looked into ({cause}).",
        hint="Restart the kernel if it answers cells no longer.",
    )


def parse(text: str) -> KernelReport:
    """A report from the probe's JSON text."""
    try:
        return KernelReport.model_validate(json.loads(text))
    except (ValueError, ValidationError) as error:
        raise KernelError(
            f"The kernel's report makes no sense ({error}).", hint="Restart the kernel and ask again."
        ) from error


def parse_table(text: str) -> TableData:
    """A table from the JSON text of `probe_export`. Raises `KernelError`."""
    try:
        found = json.loads(text)
        if "problem" in found:
            hint = "list_variables shows what there is; a smaller table can be made with run_code."
            raise KernelError(str(found["problem"]), hint=hint)
        return TableData(tuple((each["name"], each["type"], each["values"]) for each in found["columns"]))
    except (ValueError, KeyError, TypeError) as error:
        raise KernelError(f"The kernel's table makes no sense ({error}).", hint="Ask again.") from error
