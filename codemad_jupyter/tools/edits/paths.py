"""Which file a path of a proposal names: below the root, not git's own, not a notebook."""

import os
import re
from pathlib import Path

from codemad_jupyter.notebooks.disk import confined
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.tools.edits.changes import Refused

_IGNORED = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Characters that some file systems leave out when they compare names."""
_GIT = re.compile(r"\.git|git~\d+", re.IGNORECASE)


def located(root: Path, path: str) -> Path:
    """The real file. Raises `Refused` for a path that leads out, into git's folder, or to a notebook."""
    parts = path.replace("\\", "/").split("/")
    if ".." in parts:
        raise _denied(f"{path!r} climbs with '..'")
    if re.match(r"[A-Za-z]:", path) or any(ord(letter) < 32 for letter in path):
        raise _denied(f"{path[:200]!r} is not a path relative to the folder")
    try:
        real = confined(root, path)
    except CodemadError as error:
        raise Refused(error.message, hint=error.hint, cause="path") from None
    top = Path(os.path.realpath(root))
    if any(_is_git(part) for part in (*parts, *real.relative_to(top).parts)):
        raise _denied(f"{path} belongs to git itself")
    for name in (path, real.name):
        if name.rstrip(". ").lower().endswith(".ipynb"):
            hint = "Change it by cell: in JupyterLab, or with codemad ask."
            raise Refused(f"{path} is a notebook.", hint=hint, cause="notebook")
    return real


def other_case(real: Path) -> str | None:
    """The name beside it that differs in case only."""
    if not real.parent.is_dir():
        return None
    wanted = real.name.casefold()
    names = (entry.name for entry in real.parent.iterdir())
    return next((name for name in names if name.casefold() == wanted and name != real.name), None)


def through_link(root: Path, path: str) -> bool:
    """Whether the path itself is a link, so that removing it would not remove what it names."""
    return (root / path).is_symlink()


def _is_git(part: str) -> bool:
    return _GIT.fullmatch(_IGNORED.sub("", part).rstrip(". ").split(":", 1)[0]) is not None


def _denied(what: str) -> Refused:
    return Refused(f"{what}.", hint="Use a path below the folder.", cause="path")
