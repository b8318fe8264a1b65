"""Which file a path of a proposal names: below the root, not git's own, not a notebook."""

import os
import re
import unicodedata
from pathlib import Path

from codemad_jupyter.notebooks.disk import confined
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.tools.edits.changes import Refused

_IGNORED = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Characters that some file systems leave out when they compare names."""
_GIT = re.compile(r"\.git|git~\d+", re.IGNORECASE)


def located(root: Path, path: str, *, notebook: bool = False) -> Path:
    """The real file. Raises `Refused` for a path that leads out, into git's folder, or to a notebook
    (unless one is asked for)."""
    parts = path.replace("\\", "/").split("/")
    if ".." in parts:
        raise _denied(f"{path!r} climbs with '..'")
    if re.match(r"[A-Za-z]:", path) or any(
        ord(letter) < 32 or "\ud800" <= letter < "\ue000" for letter in path
    ):
        raise _denied(f"{path[:200]!r} is not a path relative to the folder")
    try:
        real = confined(root, path)
    except CodemadError as error:
        raise Refused(error.message, hint=error.hint, cause="path") from None
    top = Path(os.path.realpath(root))
    if any(_is_git(part) for part in (*parts, *real.relative_to(top).parts)):
        raise _denied(f"{path} belongs to git itself")
    for name in () if notebook else (path, real.name):
        if name.rstrip(". ").lower().endswith(".ipynb"):
            hint = "Change it by cell: with the cell tools, or name a cell as notebook.ipynb#cell-id."
            raise Refused(f"{path} is a notebook.", hint=hint, cause="notebook")
    return real


def other_case(root: Path, real: Path) -> str | None:
    """The name of a file or folder that differs from the first missing part of a path in case only."""
    missing = real
    while not missing.parent.is_dir() and missing.parent != missing:
        missing = missing.parent
    if (missing.exists() and missing != real) or not missing.is_relative_to(os.path.realpath(root)):
        return None
    wanted = _same_case(missing.name)
    names = (entry.name for entry in missing.parent.iterdir())
    return next((name for name in names if _same_case(name) == wanted and name != missing.name), None)


def _same_case(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())


def through_link(root: Path, path: str) -> bool:
    """Whether the path itself is a link, so that removing it would not remove what it names."""
    return (root / path).is_symlink()


def _is_git(part: str) -> bool:
    return _GIT.fullmatch(_IGNORED.sub("", part).rstrip(". ").split(":", 1)[0]) is not None


def _denied(what: str) -> Refused:
    return Refused(f"{what}.", hint="Use a path below the folder.", cause="path")
