"""Reads whatever went wrong with a model call into one kind, one sentence and one next step.

Owns the tables of error types, statuses and sentences. Retrying and falling back are `fallback`'s.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from codemad_jupyter.protocol.errors import ProviderErrorKind

LONGEST = 400
"""Characters of what a provider said that are shown."""


class CallFailed(Exception):
    """A model call failed for a known reason; adapters turn it into a `Failed` delta."""

    def __init__(
        self,
        kind: ProviderErrorKind,
        text: str,
        *,
        hint: str = "",
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text)
        self.kind: ProviderErrorKind = kind
        self.text = text
        self.hint = hint
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True)
class Caller:
    """Who was called, in words for a person: the provider, the model, and where its key is set."""

    label: str
    model: str
    key_variable: str
    address: str = ""


_BY_TYPE: dict[str, ProviderErrorKind] = {
    "authentication_error": "bad_key",
    "permission_error": "bad_key",
    "invalid_api_key": "bad_key",
    "not_found_error": "unknown_model",
    "model_not_found": "unknown_model",
    "rate_limit_error": "rate_limited",
    "rate_limit_exceeded": "rate_limited",
    "insufficient_quota": "out_of_quota",
    "billing_error": "out_of_quota",
    "overloaded_error": "overloaded",
    "server_is_overloaded": "overloaded",
    "api_error": "server",
    "server_error": "server",
    "internal_server_error": "server",
    "timeout_error": "timeout",
    "context_length_exceeded": "context_window",
    "request_too_large": "context_window",
}
_BY_STATUS: dict[int, ProviderErrorKind] = {
    401: "bad_key",
    402: "out_of_quota",
    403: "bad_key",
    404: "unknown_model",
    408: "timeout",
    413: "context_window",
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
# Four SDK lines rest on httpx, httpx2 or aiohttp; names tell their errors apart without importing any.
_BY_NAME: dict[str, ProviderErrorKind] = {
    "ContextWindowExceededError": "context_window",
    "APITimeoutError": "timeout",
    "TimeoutException": "timeout",
    "TimeoutError": "timeout",
    "Timeout": "timeout",
    "APIConnectionError": "connection",
    "TransportError": "connection",
    "ClientConnectionError": "connection",
    "ClientPayloadError": "connection",
    "OSError": "connection",
}
_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
_TOO_LONG = re.compile(
    r"prompt is too long|context[ _](length|window|size)|maximum context|too many (input )?tokens", re.I
)

_SENTENCES: dict[ProviderErrorKind, str] = {
    "bad_key": "{label} refused the API key{status}.",
    "no_key": "{label} needs an API key, and none is set.",
    "unknown_model": "{label} does not offer the model {model}{status}{detail}.",
    "rate_limited": "{label} limits how often {model} may be called{status}{detail}.",
    "out_of_quota": "{label} lets you ask {model} no more for now{status}{detail}.",
    "overloaded": "{label} is overloaded{status}.",
    "server": "{label} failed{status}{detail}.",
    "timeout": "{label} did not answer in time{status}.",
    "connection": "{label}{address}: the connection failed{detail}.",
    "malformed": "{label} sent a reply that cannot be read{detail}.",
    "bad_request": "{label} refused the request{status}{detail}.",
    "context_window": "The conversation is too long for {model}{status}.",
    "cancelled": "The call of {model} was cancelled.",
    "out_of_budget": "The budget for {model} is used up{detail}.",
}
_HINTS: dict[ProviderErrorKind, str] = {
    "bad_key": "Check the key in the settings or in {key}.",
    "no_key": "Set {key}, or choose codemad/offline, which needs no key.",
    "unknown_model": "Choose another model, and check the base URL if you set one.",
    "rate_limited": "Wait a moment, or choose another model.",
    "out_of_quota": "Wait until there is some again, ask who gives it, or choose another model.",
    "overloaded": "Try again in a minute or choose another model.",
    "server": "Try again; if it keeps failing, choose another model.",
    "timeout": "Try again, or raise the timeout in the settings.",
    "connection": "Check the network, the proxy, the certificates (SSL_CERT_FILE) and the base URL.",
    "malformed": "Try again; if it keeps failing, check that the base URL is that of a model server.",
    "bad_request": "Choose another model or start a new session.",
    "context_window": "Start a new session, compact this one, or choose a model with a larger window.",
    "cancelled": "Send the prompt again to continue.",
    "out_of_budget": "Raise the budget in your settings, or choose codemad/offline, which costs nothing.",
}


def failure_of(kind: ProviderErrorKind, caller: Caller, *, detail: str = "", **more: Any) -> CallFailed:
    """The failure of this kind in its own sentence; ``more`` is status and retry_after."""
    status = more.get("status")
    shown = f" (HTTP {status})" if status is not None and status >= 400 else ""
    text = _SENTENCES[kind].format(
        label=caller.label,
        model=caller.model,
        status=shown,
        detail=f": {detail.rstrip('.')}" if detail else "",
        address=f" at {caller.address}" if caller.address else "",
    )
    return CallFailed(kind, text, hint=_HINTS[kind].format(key=caller.key_variable), **more)


def one_line(text: str) -> str:
    """The text on one line, cut where it grows long."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def read_failure(error: Exception, caller: Caller, *, redact: Callable[[str], str]) -> CallFailed:
    """What this exception of an SDK, or of our reading of its stream, means."""
    error = getattr(error, "original_exception", None) or error
    if isinstance(error, CallFailed):
        return error
    status = _status(error)
    details = tuple(_details(getattr(error, "body", None)))
    kind = _kind(error, status=status, details=details)
    words = one_line(redact(_own_words(error, kind, status=status)))
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    retry_after = seconds_to_wait(headers) if kind in ("rate_limited", "overloaded", "server") else None
    return failure_of(kind, caller, detail=words, status=status, retry_after=retry_after)


def _status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _details(body: Any) -> Iterator[str]:
    """The words ``code`` and ``type`` of an error body, the more telling one first."""
    if not isinstance(body, Mapping):
        return
    inner = body.get("error")
    source = inner if isinstance(inner, Mapping) else body
    for field in ("code", "type"):
        if isinstance(source.get(field), str):
            yield source[field]


def _kind(error: Exception, *, status: int | None, details: tuple[str, ...]) -> ProviderErrorKind:
    told = next((_BY_TYPE[detail] for detail in details if detail in _BY_TYPE), None)
    # "server" is what a type says when it says nothing; the status may know more.
    if told is not None and not (told == "server" and status is not None and status >= 400):
        return told
    for parent in type(error).__mro__:
        if parent.__name__ in _BY_NAME:
            return _BY_NAME[parent.__name__]
    if status in (400, 422, None, 200) and _TOO_LONG.search(str(error)):
        return "context_window"
    if status is not None and status >= 400:
        return _BY_STATUS.get(status, "server" if status >= 500 else "bad_request")
    if "invalid_request_error" in details:
        return "bad_request"
    return "malformed" if isinstance(error, _UNREADABLE) else "server"


def _own_words(error: Exception, kind: ProviderErrorKind, *, status: int | None) -> str:
    """What the provider itself says, where that helps; refusals of a key tend to quote the key."""
    if kind == "connection":
        return _root(error)
    if kind == "malformed":
        return type(error).__name__
    if kind not in ("bad_request", "server", "unknown_model", "rate_limited", "out_of_quota"):
        return ""
    body = getattr(error, "body", None)
    inner = body.get("error") if isinstance(body, Mapping) else None
    for source in (inner, body):
        if isinstance(source, Mapping) and isinstance(source.get("message"), str):
            return str(source["message"])
    return "" if status is not None and status >= 500 else str(error)


def _root(error: BaseException) -> str:
    """The message at the bottom of a chain of connection errors: 'Connection error.' alone says nothing."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error) or type(error).__name__


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """How long the provider asks to wait: ``retry-after-ms``, or ``retry-after`` in seconds or as a date."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if not value:
            continue
        try:
            seconds = float(value) * scale
        except ValueError:
            seconds = _seconds_until(value)
        if 0 <= seconds < float("inf"):
            return seconds
    return None


def _seconds_until(date: str) -> float:
    try:
        # The header is a date of the wall clock, so the wall clock is what it is compared with.
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return -1.0
