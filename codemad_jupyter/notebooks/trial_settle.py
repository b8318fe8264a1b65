# ruff: noqa: PTH118
"""Settles the copy of a kernel in which code is tried: where it prints, its libraries, its shell.

Runs inside a trial (Python 3.9 or newer, standard library alone).
"""

from __future__ import annotations

import builtins
import contextlib
import os
import sys
from typing import Any

from codemad_jupyter.notebooks.trial_guard import Untried


def redirect(folder: str) -> None:
    """Whatever is printed below Python goes to a file of the trial."""
    target = os.open(os.path.join(folder, "out.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)


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
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None and "inline" not in str(sys.modules["matplotlib"].get_backend()).lower():
            pyplot.show = lambda *args, **options: None  # type: ignore[attr-defined]
    with contextlib.suppress(Exception):
        if "faulthandler" in sys.modules:
            sys.modules["faulthandler"].disable()


def settle_shell(shell: Any, refused: list[str], shown: list[BaseException | None]) -> None:
    """The copy of the shell keeps no history and asks nobody.

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
    shell.showtraceback = lambda *args, **options: shown.append(sys.exc_info()[1])
