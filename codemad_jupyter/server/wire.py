"""Reading what comes in: commands and frames from untrusted text, with limits and plain reasons."""

import logging
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from codemad_jupyter.protocol.asking import SqlQuestion
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.commands import COMMAND, Command, Prompt
from codemad_jupyter.protocol.errors import TooLarge, UsageError
from codemad_jupyter.protocol.events import EVENT
from codemad_jupyter.protocol.frames import CLIENT_FRAME, ClientFrame
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.sessions import ExportFormat
from codemad_jupyter.protocol.sharing import GuestWish

log = logging.getLogger(__name__)

PROMPT_CHARACTERS = 1_000_000
BODY_BYTES = 8 * 1024 * 1024
"""A prompt of the full length fits, however it is escaped."""


def read_command(body: bytes) -> Command:
    """The command in a request body. Raises `UsageError` or `TooLarge`."""
    command: Command = _read(COMMAND, body, what="command")
    if isinstance(command, Prompt) and len(command.text) > PROMPT_CHARACTERS:
        said = f"The prompt has {len(command.text):,} characters; at most {PROMPT_CHARACTERS:,} are taken."
        raise TooLarge(said, hint="Put long material into a file or a cell and attach it.")
    return command


def read_frame(message: str | bytes) -> ClientFrame:
    """The frame in a WebSocket message. Raises `UsageError`."""
    if isinstance(message, bytes):
        raise UsageError("The stream takes text frames only.", hint="Send JSON as text.")
    frame: ClientFrame = _read(CLIENT_FRAME, message, what="frame")
    return frame


def read_prompt(body: bytes) -> Prompt:
    """The prompt in a request body. Raises `UsageError` or `TooLarge`."""
    prompt = read_command(body)
    if not isinstance(prompt, Prompt):
        raise UsageError(f"This is a '{prompt.type}', not a prompt.", hint=_HINT)
    return prompt


def read_question(body: bytes) -> SqlQuestion:
    """The question in a request body. Raises `UsageError`."""
    question: SqlQuestion = _read(TypeAdapter(SqlQuestion), body, what="question")
    return question


class Export(Value):
    """Which session is to be exported, and how."""

    session: str
    format: ExportFormat
    level: DataLevel | None


def read_export(session: str, form: str, level: str) -> Export:
    """What was asked for. Raises `UsageError`."""
    try:
        given = {"session": session, "format": form or "json", "level": level or None}
        return Export.model_validate(given)
    except ValidationError as error:
        raise UsageError(f"This cannot be exported: {_reason(error)}.", hint=_HINT) from None


def read_wish(body: bytes) -> GuestWish:
    """What is to be said in somebody else's session. Raises `UsageError`."""
    wish: GuestWish = _read(TypeAdapter(GuestWish), body, what="message")
    if not wish.text.strip():
        raise UsageError("There is nothing to say.", hint="Write a comment, or what is to be done.")
    return wish


def read_visit(owner: str, session: str, after: str, wait: str) -> GuestWish:
    """Which events of whose session are wanted. Raises `UsageError`."""
    try:
        return GuestWish(owner=owner, session=session, kind="events", after=int(after or 0), wait=wait != "0")
    except ValueError:
        raise UsageError(
            "This names no shared session.", hint="See what there is: codemad sessions shared"
        ) from None


def told(events: Iterable[dict[str, Any]], session: str) -> list[dict[str, Any]]:
    """The events of another server, as far as they are events of that session; others are left out."""
    found = []
    for each in events:
        try:
            event = EVENT.validate_python(each)
        except ValidationError as error:
            log.warning("CodeMAD: an event of a shared session is not understood: %s", _reason(error))
            continue
        if event.session == session:
            found.append(event.model_dump(mode="json"))
    return found


def too_large(what: str, *, limit: int) -> TooLarge:
    """The error for a body above the limit."""
    return TooLarge(f"The {what} is larger than {limit // 1024 // 1024} MB.", hint="Send less at a time.")


def _read(adapter: TypeAdapter[Any], text: str | bytes, *, what: str) -> Any:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        raise UsageError(f"This is no valid {what}: {_reason(error)}.", hint=_HINT) from None
    except UnicodeError:
        raise UsageError(f"The {what} is no valid text.", hint=_HINT) from None


_HINT = "Send a JSON object as the protocol describes it."


def _reason(error: ValidationError) -> str:
    """The first complaint, with its place but without what was sent: that may be long or secret."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(step)[:40] for step in first["loc"][:6])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{place + ': ' if place else ''}{first['msg'][:300]}{more}"
