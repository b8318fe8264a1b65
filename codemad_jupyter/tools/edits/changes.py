"""What every edit format is read into, and how a refusal is told. Nothing here looks at a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from codemad_jupyter.protocol.errors import ToolError

Action = Literal["update", "create", "delete"]
Cause = Literal[
    "not_found",
    "ambiguous",
    "already_applied",
    "no_change",
    "overlap",
    "placeholder",
    "malformed",
    "path",
    "missing_file",
    "exists",
    "encoding",
    "notebook",
    "unsupported",
]


@dataclass(frozen=True, kw_only=True)
class Change:
    """``old`` becomes ``new``.

    With ``whole_lines`` both are lines that each end with a line feed ("" is no line at all). ``under``
    are the headings above the place (V4A), ``line`` is where a diff says it is, ``at_end`` binds it to
    the end of the file. ``final_newline`` says whether the file ends with a line end afterwards.
    """

    old: str
    new: str
    every: bool = False
    whole_lines: bool = False
    under: tuple[str, ...] = ()
    line: int | None = None
    at_end: bool = False
    final_newline: bool | None = None


@dataclass(frozen=True, kw_only=True)
class FilePatch:
    """What one proposal does to one file. ``in_turn``: each change sees the result of the one before.

    ``executable`` is the mode it gets, None where nothing is said of it. ``instead`` is another name the
    format gave for the same file, named in the refusal when ``path`` does not exist.
    """

    path: str
    action: Action = "update"
    changes: tuple[Change, ...] = ()
    content: str = ""
    move_to: str | None = None
    in_turn: bool = True
    checked: bool = False
    instead: str | None = None
    executable: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why one change cannot be made. ``edit`` counts from 1 within its file, 0 is the file itself."""

    path: str
    cause: Cause
    message: str
    lines: tuple[int, ...] = ()
    edit: int = 0

    def data(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "path": self.path,
            "edit": self.edit,
            "cause": self.cause,
            "lines": list(self.lines),
            "message": self.message,
        }


class Refused(ToolError):
    """A change, or a whole proposal, that is not made; nothing was written."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        cause: Cause = "malformed",
        lines: tuple[int, ...] = (),
        refusals: Sequence[Refusal] = (),
        would_apply: Sequence[str] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.cause: Cause = cause
        self.lines = lines
        self.refusals = tuple(refusals)
        self.would_apply = tuple(would_apply)


def malformed(what: str, line: int | None = None, *, hint: str = "") -> Refused:
    """The error for text that is not the format it claims to be, with the line of the text."""
    where = f" (line {line} of the patch)" if line is not None else ""
    return Refused(f"{what}{where}.", hint=hint)
