"""Owns which hook scripts there are: the person's, and those of a project that is trusted with exactly these
files. Running them is left to `tools.hook_scripts`.

A project's script lies in one folder of the project, all of whose files belong to what is trusted: it can
import nothing else of the project unseen.
"""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from codemad_jupyter.config.foreign_programs import names_of, odd_variable, program_of
from codemad_jupyter.config.private_files import read_bounded
from codemad_jupyter.config.toml_files import parse
from codemad_jupyter.config.trust import HOOKS, PROJECT_FILE, TrustedFolders
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.hook_scripts import HookScript

MOST = 20


class DefinedHook(NamedTuple):
    """A hook script, what would run, and where it is defined. ``problem`` says why it cannot run."""

    name: str
    script: HookScript
    program: str
    place: str
    project: bool = False
    problem: str = ""


def defined_hooks(
    root: Path, own: Mapping[str, HookScript], *, environ: Mapping[str, str] | None = None
) -> tuple[DefinedHook, ...]:
    """The person's own, then the project's where they may run now."""
    environ = os.environ if environ is None else environ
    found = [
        DefinedHook(name, script, program_of(script.command, root, environ), "your settings")
        for name, script in own.items()
    ]
    found += _of_project(root)
    return tuple(each._replace(problem=_problem(each)) for each in found)


def may_run(given: DefinedHook, root: Path) -> bool:
    """Whether it is still what was trusted: its files may have changed since."""
    return not given.project or TrustedFolders().runs(root)


def _of_project(root: Path) -> list[DefinedHook]:
    if not TrustedFolders().runs(root):
        return []
    path = root / PROJECT_FILE
    table: Any = None
    with contextlib.suppress(UsageError):  # what cannot be read defines nothing
        data = read_bounded(path, follow_links=False)
        table = parse(data, path).get("hooks") if data is not None else None
    found: list[DefinedHook] = []
    for name, given in list(table.items())[:MOST] if isinstance(table, dict) else ():
        script = HookScript()
        with contextlib.suppress(ValidationError):  # it is left without a command, which is told
            script = HookScript.model_validate(given)
        program = str(root.resolve() / script.command)
        found.append(DefinedHook(str(name)[:40], script, program, str(path), project=True))
    return found


def _problem(given: DefinedHook) -> str:
    script = given.script
    if not script.on:
        return "it does not say what it is to hear (on)"
    if not script.command or any("\0" in part for part in (script.command, *script.args)):
        return "it needs a command, without a NUL character"
    if given.project and not _inside(given.program):
        return f"a project's hook is a program in {HOOKS}"
    if not given.program or not os.access(given.program, os.X_OK):
        return f"there is no program {script.command}"
    return next(filter(None, map(odd_variable, names_of(script.env))), "")


def _inside(program: str) -> bool:
    """Does it lie in the folder of hooks, as it is written and as it is?"""
    path = Path(program)
    parts = Path(HOOKS).parts
    own = any(path.parts[at : at + len(parts)] == parts for at in range(len(path.parts)))
    return own and ".." not in path.parts and path.is_file() and path.resolve() == path
