"""How an exception leaves the server: a status and an `ErrorValue`, never a trace or a stranger's text.

An error nobody foresaw gets an id; the log has the details under that id. Secrets are masked in both.
"""

import secrets
import traceback
from collections.abc import Callable
from logging import Logger

from codemad_jupyter.protocol.errors import CodemadError, ErrorValue

STATUS = {
    "usage": 400,
    "notebook": 400,
    "tool": 400,
    "denied": 403,
    "set_by_administrator": 403,
    "not_found": 404,
    "stale_edit": 409,
    "conflict": 409,
    "too_large": 413,
    "model": 502,
    "server_unreachable": 502,
    "store": 503,
    "store_held": 503,
}


def failure(error: BaseException, *, log: Logger, redact: Callable[[str], str]) -> tuple[int, ErrorValue]:
    """The HTTP status and the value that tells a person what happened."""
    if isinstance(error, CodemadError) and error.code in STATUS:
        return STATUS[error.code], _value(error, redact)
    mark = secrets.token_hex(4)
    log.error("CodeMAD failed (id %s)\n%s", mark, redact("".join(traceback.format_exception(error))))
    if isinstance(error, CodemadError):
        value = _value(error, redact)
        return 500, value.model_copy(update={"hint": f"{value.hint} (id {mark})".strip()})
    return 500, ErrorValue(
        code="internal",
        message=f"Something went wrong in the server (id {mark}).",
        hint="The server's log has the details under this id.",
    )


def _value(error: CodemadError, redact: Callable[[str], str]) -> ErrorValue:
    return ErrorValue(code=error.code, message=redact(error.message), hint=redact(error.hint))
