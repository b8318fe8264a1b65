"""Signing in at a provider from any machine: the device authorization grant (RFC 8628), and renewing what
it gave (RFC 6749, section 6).

A person opens an address on whatever device has a browser and types a short code; this program asks
meanwhile whether that is done. What comes of it is kept by `access`.
"""

import json
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import Field, ValidationError

from codemad_jupyter.config.access import Access
from codemad_jupyter.config.key_shape import usable_key
from codemad_jupyter.config.providers import card
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import CodemadError, UsageError
from codemad_jupyter.protocol.supply import SignIn

SLOWER = 5.0
"""Seconds added to each pause when the server says slow_down (RFC 8628, section 3.5)."""
LARGEST = 1_000_000
TIMEOUT = 20.0
_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

USUAL = {
    "azure": SignIn(
        issuer="https://login.microsoftonline.com/organizations/v2.0",
        scope="https://cognitiveservices.azure.com/.default offline_access",
    )
}
"""What is known of providers that offer it; the client's id is that of the person's organisation."""


class SignInRefused(CodemadError):
    """The server did not give what was asked for."""

    code = "sign_in_refused"


class DeviceCode(Value):
    """What the person needs, and what asks for them. Times in seconds."""

    device_code: str
    user_code: str = Field(max_length=100)
    verification_uri: str = Field(max_length=2_000)
    verification_uri_complete: str = Field(default="", max_length=4_000)
    expires_in: float = Field(gt=0, le=86_400)
    interval: float = Field(default=5.0, ge=1, le=300)


def begin(provider: str, asked: SignIn | None) -> tuple[SignIn, DeviceCode]:
    """Ask for a code. The first value has every address. Raises `CodemadError`."""
    sign_in = _with_addresses(provider, _settled(provider, asked))
    fields = {"client_id": sign_in.client_id, "scope": sign_in.scope}
    answer = _answer(sign_in.device_url, {name: value for name, value in fields.items() if value})
    if "error" in answer:
        raise SignInRefused(f"{card(provider).title} gave no code: {_said(answer)}.", hint=_CHECK)
    try:
        code = DeviceCode.model_validate({**answer, "interval": max(float(answer.get("interval") or 5), 1)})
        _safe(code.verification_uri)
    except (ValidationError, UsageError, ValueError, TypeError):
        raise SignInRefused(f"{_host(sign_in.device_url)} sent no usable code.", hint=_CHECK) from None
    return sign_in, code


def wait(
    provider: str, sign_in: SignIn, code: DeviceCode, *, pause: Callable[[float], None] = time.sleep
) -> Access:
    """Ask until the person has signed in; ``pause`` waits so many seconds. Raises `CodemadError` when they
    refuse, when the code has ended, or when the server cannot be asked."""
    interval, left = code.interval, code.expires_in
    fields = {"grant_type": _GRANT, "device_code": code.device_code, "client_id": sign_in.client_id}
    while left > 0:
        pause(interval)
        left -= interval
        answer = _answer(sign_in.token_url, fields)
        error = answer.get("error")
        if error is None:
            return _access(provider, sign_in, answer)
        if error == "slow_down":
            interval += SLOWER
        elif error == "access_denied":
            raise SignInRefused("You, or your organisation, refused the sign-in.", hint="Nothing was kept.")
        elif error == "expired_token":
            break
        elif error != "authorization_pending":
            raise SignInRefused(f"{card(provider).title} refused the sign-in: {_said(answer)}.", hint=_CHECK)
    raise SignInRefused("The code was not used in time.", hint=f"Again: codemad keys login {provider}")


def renewed(provider: str, access: Access) -> Access:
    """The same access for some more time. Raises `CodemadError`."""
    again = f"Sign in again: codemad keys login {provider}"
    if not access.refresh_token:
        raise SignInRefused(f"The sign-in at {card(provider).title} has ended.", hint=again)
    fields = {
        "grant_type": "refresh_token",
        "refresh_token": access.refresh_token,
        "client_id": access.sign_in.client_id,
    }
    answer = _answer(access.sign_in.token_url, fields)
    if "error" in answer:
        said = f"The sign-in at {card(provider).title} has ended: {_said(answer)}."
        raise SignInRefused(said, hint=again)
    return _access(provider, access.sign_in, {"refresh_token": access.refresh_token, **answer})


_CHECK = "Check the sign_in table of your settings: issuer or addresses, client_id and scope."


def _settled(provider: str, asked: SignIn | None) -> SignIn:
    """The person's own words before what is known of the provider."""
    usual = USUAL.get(provider, SignIn())
    given = asked.model_dump(exclude_defaults=True) if asked is not None else {}
    sign_in = usual.model_copy(update=given)
    title = card(provider).title
    if not sign_in.issuer and not (sign_in.device_url and sign_in.token_url):
        hint = (
            f"Set sign_in.{provider}.issuer and client_id in your settings, or: codemad keys set {provider}"
        )
        raise UsageError(f"It is not known where one signs in at {title}.", hint=hint)
    if not sign_in.client_id:
        hint = f"Your organisation registers one: codemad config set sign_in.{provider}.client_id ID"
        raise UsageError(f"Signing in at {title} needs the id of a client.", hint=hint)
    return sign_in


def _with_addresses(provider: str, sign_in: SignIn) -> SignIn:
    if sign_in.device_url and sign_in.token_url:
        found = {"device_url": sign_in.device_url, "token_url": sign_in.token_url}
    else:
        said = _answer(sign_in.issuer.rstrip("/") + "/.well-known/openid-configuration")
        found = {
            "device_url": str(sign_in.device_url or said.get("device_authorization_endpoint") or ""),
            "token_url": str(sign_in.token_url or said.get("token_endpoint") or ""),
        }
    if not all(found.values()):
        said_by = _host(sign_in.issuer)
        hint = f"Take a key instead: codemad keys set {provider}"
        raise SignInRefused(f"{said_by} offers no sign-in by code.", hint=hint)
    return sign_in.model_copy(update={name: _safe(address) for name, address in found.items()})


def _access(provider: str, sign_in: SignIn, answer: dict[str, Any]) -> Access:
    token, kind = answer.get("access_token"), str(answer.get("token_type", "bearer"))
    if not isinstance(token, str) or kind.lower() != "bearer":
        raise SignInRefused(f"{_host(sign_in.token_url)} sent no usable access.", hint=_CHECK)
    token, _ = usable_key(provider, token, any_owner=True)
    lasts = answer.get("expires_in")
    until = time.time() + float(lasts) if isinstance(lasts, int | float) else None
    refresh = answer.get("refresh_token")
    return Access(
        sign_in=sign_in,
        access_token=token,
        refresh_token=refresh if isinstance(refresh, str) else "",
        until=until,
    )


class _Unmoved(HTTPRedirectHandler):
    """What is sent here is for one address alone."""

    def redirect_request(self, *args: Any) -> None:
        """Not followed: the answer counts as a failure."""


def _answer(address: str, fields: dict[str, str] | None = None) -> dict[str, Any]:
    """The JSON object that the server answers, errors of the protocol (status 400, 401) among them. Fields
    are posted."""
    data = urlencode(fields).encode() if fields is not None else None
    request = Request(_safe(address), data, {"Accept": "application/json"})  # noqa: S310  (https: see _safe)
    host = _host(address)
    try:
        try:
            with build_opener(_Unmoved).open(request, timeout=TIMEOUT) as reply:
                text = reply.read(LARGEST)
        except HTTPError as error:
            if error.code not in (400, 401, 403, 428):
                raise
            with error:
                text = error.read(LARGEST)
        answer = json.loads(text)
    except HTTPError as error:
        raise SignInRefused(f"{host} answered with status {error.code}.", hint=_CHECK) from None
    except (URLError, OSError, HTTPException) as error:
        why = getattr(error, "reason", error)
        raise SignInRefused(
            f"{host} cannot be reached: {why}.", hint="Check the network, then retry."
        ) from None
    except (ValueError, RecursionError):
        raise SignInRefused(f"{host} sent no JSON.", hint=_CHECK) from None
    if not isinstance(answer, dict):
        raise SignInRefused(f"{host} sent no JSON object.", hint=_CHECK)
    return answer


def _safe(address: str) -> str:
    """The address, where what is sent there cannot be read on the way."""
    parts = urlsplit(address)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not parts.hostname or parts.scheme not in (("http", "https") if local else ("https",)):
        raise UsageError(f"{address[:200]!r} is no https address.", hint=_CHECK)
    return address


def _host(address: str) -> str:
    return urlsplit(address).netloc.rpartition("@")[2] or "The server"


def _said(answer: dict[str, Any]) -> str:
    """The server's own words, in one line."""
    words = " ".join(str(answer.get("error_description") or answer.get("error")).split())
    return words[:300].rstrip(".")
