"""The error tree. Each message says what happened, where, and what to do next.

::

    CodemadError
    ├── UsageError            a command, option or argument that makes no sense
    │   └── TooLarge          more was sent than is taken
    ├── NotFound              a session, run, edit, cell, file or model that does not exist
    ├── Conflict              it cannot be done now: a run goes on, or it was done already
    ├── StaleEdit             the cell or file changed since it was read
    ├── NotebookError         a notebook cannot be read or written
    │   └── NotebookClosed    the tab that had it open went away before it answered
    ├── KernelError           a kernel is missing, dead, or did not answer in time
    ├── GitError              git failed or is missing
    ├── StoreError            the session store failed
    │   └── StoreHeld         another process owns the store file
    ├── ModelError            a model cannot be asked, or not for this
    ├── ToolError             a tool refused or failed; its message goes back to the model
    │   └── ToolChanged       a server describes its tool in another way than was approved
    ├── ServerUnreachable     the Jupyter server did not answer a kernel
    └── Denied                permission or approval refused
        ├── ModeRefused       a mode that cannot hold here
        └── SetByAdministrator    the administrator's policy says otherwise
"""

from typing import Literal

from codemad_jupyter.protocol.base import Value

ProviderErrorKind = Literal[
    "bad_key",
    "no_key",
    "unknown_model",
    "rate_limited",
    "out_of_quota",
    "overloaded",
    "server",
    "timeout",
    "connection",
    "malformed",
    "bad_request",
    "context_window",
    "cancelled",
    "out_of_budget",
    "not_recorded",
]


class CodemadError(Exception):
    """Base of all errors a person may see. ``code`` is stable; ``hint`` is the next step."""

    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def value(self) -> "ErrorValue":
        """The same as a value for the wire."""
        return ErrorValue(code=self.code, message=self.message, hint=self.hint)


class UsageError(CodemadError):
    code = "usage"


class TooLarge(UsageError):
    code = "too_large"


class NotFound(CodemadError):
    code = "not_found"


class Conflict(CodemadError):
    code = "conflict"


class StaleEdit(CodemadError):
    code = "stale_edit"


class NotebookError(CodemadError):
    code = "notebook"


class NotebookClosed(NotebookError):
    code = "notebook_closed"


class KernelError(CodemadError):
    code = "kernel"


class GitError(CodemadError):
    code = "git"


class StoreError(CodemadError):
    code = "store"


class StoreHeld(StoreError):
    """Another process owns the store; ``holder`` is its pid when the operating system tells."""

    code = "store_held"

    def __init__(self, message: str, *, hint: str = "", holder: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.holder = holder


class ModelError(CodemadError):
    code = "model"


class ToolError(CodemadError):
    code = "tool"


class ToolChanged(ToolError):
    code = "tool_changed"


class ServerUnreachable(CodemadError):
    code = "server_unreachable"


class Denied(CodemadError):
    code = "denied"


class ModeRefused(Denied):
    code = "auto_mode_refused"


class SetByAdministrator(Denied):
    code = "set_by_administrator"


class ErrorValue(Value):
    """An error on the wire."""

    code: str
    message: str
    hint: str = ""


def raised(value: ErrorValue) -> CodemadError:
    """The exception for an error that came over the wire."""
    kinds: list[type[CodemadError]] = [CodemadError]
    for kind in kinds:  # grows while it is walked: the whole tree
        if kind.code == value.code:
            return kind(value.message, hint=value.hint)
        kinds.extend(kind.__subclasses__())
    return CodemadError(value.message, hint=value.hint)
