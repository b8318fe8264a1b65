"""Owns how a person's server asks the relay of its hub, and whether there is one to ask.

Address and token come from the environment that the hub made, never from a file of settings: who writes a
project's file could have the token sent elsewhere.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from codemad_jupyter.protocol.errors import CodemadError, ErrorValue, ServerUnreachable, UsageError, raised
from codemad_jupyter.protocol.sharing import (
    DESK,
    Announced,
    GuestRequest,
    GuestWish,
    Reply,
    Share,
    SharedWithMe,
)

if TYPE_CHECKING:
    from tornado.httpclient import AsyncHTTPClient

URL_VARIABLE = "CODEMAD_RELAY_URL"
TOKEN_VARIABLE = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - a name, not a secret
PATIENCE = 45.0
"""Seconds for an answer: longer than the relay lets anybody wait."""


def relay_problem(environ: Mapping[str, str]) -> str:
    """Why sessions cannot be shared from here; empty where they can."""
    if not environ.get(TOKEN_VARIABLE):
        return "Sessions are shared within a JupyterHub, and this is no server of one."
    if not environ.get(URL_VARIABLE):
        return f"This JupyterHub has no relay for shared sessions: {URL_VARIABLE} is not set."
    return ""


class RelayClient:
    """The relay, as one server asks it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        from tornado.httpclient import AsyncHTTPClient

        if problem := relay_problem(environ):
            raise UsageError(problem, hint="codemad relay serve --help says how it is set up.")
        self._url = environ[URL_VARIABLE].rstrip("/")
        self._headers = {
            "Authorization": f"token {environ[TOKEN_VARIABLE]}",
            "Content-Type": "application/json",
            DESK: secrets.token_urlsafe(16),
        }
        # of its own, for many requests wait for long
        self._client: AsyncHTTPClient = AsyncHTTPClient(force_instance=True, max_clients=100)

    async def announce(self, shares: tuple[Share, ...]) -> None:
        """Tell all that is shared."""
        await self._ask("PUT", "shares", Announced(shares=shares).model_dump_json())

    async def requests(self) -> tuple[GuestRequest, ...]:
        """What guests wish; waits for a while. Raises `NotFound` where the relay began anew."""
        found = (await self._ask("GET", "requests"))["requests"]
        return tuple(GuestRequest.model_validate(each) for each in found)

    async def reply(self, reply: Reply) -> None:
        """Answer one."""
        await self._ask("POST", "replies", reply.model_dump_json())

    async def shared(self) -> tuple[SharedWithMe, ...]:
        """What is shared with me."""
        return tuple(
            SharedWithMe.model_validate(each) for each in (await self._ask("GET", "shares"))["shared"]
        )

    async def wish(self, wish: GuestWish) -> Reply:
        """What an owner's server answers. Raises what it, or the relay, refuses with."""
        reply = Reply.model_validate(await self._ask("POST", "wishes", wish.model_dump_json()))
        if reply.error is not None:
            raise raised(reply.error)
        return reply

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    async def _ask(self, method: str, route: str, body: str | None = None) -> dict[str, Any]:
        from tornado.httpclient import HTTPClientError

        try:
            answer = await self._client.fetch(
                f"{self._url}/v1/{route}",
                method=method,
                headers=self._headers,
                body=body,
                request_timeout=PATIENCE,
                follow_redirects=False,
                raise_error=False,
            )
            value: dict[str, Any] = json.loads(answer.body or b"")
        except (OSError, ValueError, HTTPClientError):
            raise _silent() from None
        if answer.code != 200:
            raise _refusal(value)
        return value


def _refusal(value: Any) -> CodemadError:
    try:
        return raised(ErrorValue.model_validate(value["error"]))
    except (ValueError, KeyError, TypeError):
        return _silent()


def _silent() -> ServerUnreachable:
    hint = "Try again; if it stays so, tell who looks after the hub."
    return ServerUnreachable("The relay for shared sessions does not answer.", hint=hint)
