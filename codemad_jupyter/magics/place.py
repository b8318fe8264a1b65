"""Where a shell stands: its kernel, notebook and cell, and whether a person is there to be asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from codemad_jupyter.magics.canvas import is_terminal
from codemad_jupyter.protocol.errors import UsageError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

Policy = Literal["off", "propose", "auto"]
POLICIES: tuple[Policy, ...] = ("off", "propose", "auto")


@dataclass(frozen=True)
class Place:
    """``notebook`` is an absolute path, where one is known; ``policy`` counts only when headless."""

    kernel: str | None
    notebook: Path | None
    cell: str | None
    headless: bool
    policy: Policy = "propose"


def place_of(ip: InteractiveShell, environ: Mapping[str, str] | None = None) -> Place:
    """Look around. Raises `UsageError` when CODEMAD_POLICY makes no sense."""
    variables = os.environ if environ is None else environ
    return Place(
        kernel=_kernel_id(ip),
        notebook=_notebook(ip, variables),
        cell=_cell(ip),
        headless=_headless(ip, variables),
        policy=_policy(variables),
    )


def _policy(variables: Mapping[str, str]) -> Policy:
    given = variables.get("CODEMAD_POLICY") or "propose"
    for policy in POLICIES:
        if given == policy:
            return policy
    raise UsageError(f"CODEMAD_POLICY is {given!r}.", hint=f"It is one of {', '.join(POLICIES)}.")


def _headless(ip: InteractiveShell, variables: Mapping[str, str]) -> bool:
    if variables.get("CODEMAD_HEADLESS", "") not in ("", "0"):
        return True
    kernel: Any = getattr(ip, "kernel", None)
    if kernel is not None:
        return not getattr(kernel, "_allow_stdin", False)
    return not (is_terminal(ip) and sys.stdin is not None and sys.stdin.isatty())


def _kernel_id(ip: InteractiveShell) -> str | None:
    """A kernel started by a Jupyter server has its id in the name of its connection file."""
    if getattr(ip, "kernel", None) is None:
        return None
    from ipykernel.connect import get_connection_file

    try:
        name = Path(get_connection_file()).stem
    except RuntimeError:  # an embedded kernel that was given no file
        return None
    return name.removeprefix("kernel-") or None


def _notebook(ip: InteractiveShell, variables: Mapping[str, str]) -> Path | None:
    given = ip.user_ns.get("__vsc_ipynb_file__") or variables.get("JPY_SESSION_NAME")
    if not isinstance(given, str) or not given.endswith(".ipynb"):
        return None
    path = Path(given)
    return path if path.is_absolute() and path.is_file() else None


def _cell(ip: InteractiveShell) -> str | None:
    """JupyterLab sends the id of the running cell along."""
    parent = getattr(ip, "get_parent", None)
    message: Any = parent() if callable(parent) else None
    metadata = message.get("metadata") if isinstance(message, dict) else None
    cell = metadata.get("cellId") if isinstance(metadata, dict) else None
    return cell if isinstance(cell, str) and cell else None
