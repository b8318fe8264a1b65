"""What holds for every program that a definition names, whoever wrote it: which variables it may be given,
and which files of the workspace belong to what was approved."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

LARGEST = 50_000_000
"""Bytes of a file of the project that a definition may execute."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_BARRED = frozenset(
    ("PATH", "PATHEXT", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "BASHOPTS", "CDPATH", "PERL5OPT", "PERL5LIB",
     "RUBYOPT", "RUBYLIB", "NODE_OPTIONS", "NODE_PATH", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH",
     "GCONV_PATH", "HOSTALIASES", "EDITOR", "VISUAL", "PAGER", "HOME", "SSH_ASKPASS", "TMPDIR")
)  # fmt: skip
"""They change what runs, so a definition that looks harmless would not be."""
_BARRED_BEGINNINGS = ("LD_", "DYLD_", "PYTHON", "GIT_", "NPM_CONFIG_", "BUN_", "DENO_", "UV_", "PIP_")
_OURS = ("CODEMAD_", "JUPYTER", "JPY_")
"""Secrets of this machine's own servers."""


def odd_variable(name: str) -> str:
    """Why the variable cannot be given; empty where it can."""
    upper = name.upper()
    if not _VARIABLE.fullmatch(name):
        return f"{name[:40]!r} is no name of a variable"
    if upper in _BARRED or upper.startswith(_BARRED_BEGINNINGS):
        return f"the variable {name} would change what runs and cannot be given"
    if upper.startswith(_OURS):
        return f"the variable {name} belongs to this Jupyter server and is never passed on"
    return ""


def names_of(env: Iterable[str]) -> tuple[str, ...]:
    """The names in a list of variables."""
    return tuple(each.partition("=")[0] for each in env)


def given(env: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that a list passes on or sets."""
    found: dict[str, str] = {}
    for each in env:
        name, sets, value = each.partition("=")
        if sets:
            found[name] = value
        elif name in environ:
            found[name] = environ[name]
    return found


def program_of(command: str, root: Path, environ: Mapping[str, str]) -> str:
    """The file that would run; empty where there is none. A name is looked up on PATH, but never in the
    workspace: what a project brings along is no program of this machine."""
    if os.sep in command:
        path = Path(os.path.abspath(root / Path(command).expanduser()))  # noqa: PTH100 - links stay
        return str(path) if path.is_file() and os.access(path, os.X_OK) else ""
    top = root.resolve()
    places = environ.get("PATH", os.defpath).split(os.pathsep)
    places = [place for place in places if Path(place).is_absolute()]
    kept = [place for place in places if not Path(place).resolve().is_relative_to(top)]
    return shutil.which(command, path=os.pathsep.join(kept)) or ""


def executed(parts: Iterable[str], root: Path) -> dict[str, str]:
    """The files of the workspace that a command line names, by their content."""
    found: dict[str, str] = {}
    for part in parts:
        try:
            path = (root / part).resolve()
            inside = path.is_relative_to(root.resolve()) and path.is_file()
        except (OSError, ValueError):
            continue
        if inside:
            found[part] = content_of(path)
    return found


def content_of(path: Path) -> str:
    """What stands for the content of a file."""
    try:
        with path.open("rb") as file:
            if path.stat().st_size > LARGEST:
                return "too large"
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"
