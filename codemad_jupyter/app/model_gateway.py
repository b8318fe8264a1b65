"""A gateway to one model server for all people of a JupyterHub: it alone holds the key, and counts.

It speaks OpenAI's interface (models, chat completions) and runs as a service of the hub. Nothing that is
asked or answered is kept: the audit log has one line of numbers for each call. Who asks is found by
`hub_people`, what they may use stands in `quotas`.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from codemad_jupyter.app.hub_people import Hub, Person
from codemad_jupyter.app.quotas import Counter, Quota, UsageBook, exceeded
from codemad_jupyter.config.private_files import read_bounded
from codemad_jupyter.config.toml_files import parse
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.wording import counted

UNSAID = (0, 301, 302, 307, 308, 401, 403)
"""What the server answers to us alone: not at all, elsewhere, or that our key is wrong."""
AGAIN_IN = "5"
"""Seconds after which somebody with too many calls at once may ask again. A quota that is used up names no
time, or whoever asks would wait for it."""
_log = logging.getLogger(__name__)


class GatewayFile(Value):
    """What the gateway's file says. ``prices``: US dollars per million tokens, in and out."""

    upstream: str = Field(pattern=r"^https?://")
    key_variable: str = ""
    models: tuple[str, ...] = Field(min_length=1)
    prices: dict[str, tuple[float, float]] = Field(default_factory=dict)
    quota: Quota = Quota()
    groups: dict[str, Quota] = Field(default_factory=dict)
    usage: Path = Path("codemad-gateway-usage.sqlite")
    audit: Path = Path("codemad-gateway-audit.jsonl")
    at_once: int = Field(default=4, ge=1, le=100)
    seconds: float = Field(default=900.0, gt=0, le=3600)


def read_gateway(path: Path) -> GatewayFile:
    """The gateway's file. Raises `UsageError`."""
    data = read_bounded(path)
    if data is None:
        raise UsageError(f"There is no file {path}.", hint="codemad gateway --help shows what it holds.")
    try:
        found = GatewayFile.model_validate(parse(data, path))
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        place = ".".join(map(str, wrong["loc"]))
        raise UsageError(f"{place} in {path} is wrong: {wrong['msg']}.", hint="Mend the file.") from None
    counted = any(each.cost is not None for each in (found.quota, *found.groups.values()))
    free = [model for model in found.models if model not in found.prices]
    if counted and free:
        said = f"{path} limits cost, but has no price for {', '.join(free)}."
        raise UsageError(said, hint="Add [prices] with dollars per million tokens: in, out.")
    return found


@dataclass
class Desk:
    """What all requests share."""

    file: GatewayFile
    hub: Hub
    book: UsageBook
    key: str
    client: AsyncHTTPClient
    busy: dict[str, int] = field(default_factory=dict)

    def quotas(self, person: Person) -> list[Quota]:
        """The quotas of the person's groups, the general one for who is in none of them."""
        own = [self.file.groups[name] for name in person.groups if name in self.file.groups]
        return own or [self.file.quota]

    def used_up(self, person: Person) -> str:
        """Why the person may ask no more now; of several groups the most generous counts."""
        said = [exceeded(quota, self.book.used((person.name,), quota.days)) for quota in self.quotas(person)]
        return "" if "" in said else said[0]

    def write(self, line: dict[str, Any]) -> None:
        """Add a line to the audit log."""
        descriptor = os.open(self.file.audit, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


class _Handler(web.RequestHandler):
    desk: Desk
    person: Person

    def initialize(self, desk: Desk) -> None:
        self.desk = desk

    async def prepare(self) -> None:
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "token") or not token.strip():
            self.refuse(401, "no_key", "Send the token of your server as the key.")
            return
        try:
            person = await self.desk.hub.person(token.strip())
        except (OSError, HTTPClientError, ValueError) as error:
            _log.warning("the hub did not answer: %s", type(error).__name__)
            self.refuse(503, "hub_failed", "The hub does not answer now; try again.")
            return
        if person is None:
            self.refuse(403, "not_allowed", "This token may not use the model gateway.")
            return
        self.person = person

    def refuse(self, status: int, code: str, message: str) -> None:
        """An error as OpenAI's clients know them."""
        self.set_status(status)
        self.finish({"error": {"message": message, "type": code, "code": code, "param": None}})

    def check_xsrf_cookie(self) -> None:
        """Cookies open nothing here: each request has its token."""


class Models(_Handler):
    """The models that may be asked."""

    async def get(self) -> None:
        listed = [{"id": name, "object": "model", "owned_by": "gateway"} for name in self.desk.file.models]
        self.finish({"object": "list", "data": listed})


class Chat(_Handler):
    """Passes one chat completion on, whole or as a stream, and counts it."""

    _gone = False
    _status = 0
    """What the model server answered with; 0: nothing yet."""

    async def post(self) -> None:
        try:
            body = json.loads(self.request.body)
            model = body["model"]
        except (ValueError, KeyError, TypeError, RecursionError):
            self.refuse(400, "bad_request", "Send JSON with a model and messages.")
            return
        desk, who = self.desk, self.person.name
        if model not in desk.file.models:
            said = f"There is no model {str(model)[:80]!r} here. Models: {', '.join(desk.file.models)}."
            self.refuse(404, "model_not_found", said)
            return
        if why := desk.used_up(self.person):
            self._turn_away(model, "insufficient_quota", f"Your quota: {why}.")
            return
        if desk.busy.get(who, 0) >= desk.file.at_once:
            self.set_header("Retry-After", AGAIN_IN)
            said = f"At most {counted(desk.file.at_once, 'call')} of yours may go on at once."
            self._turn_away(model, "rate_limit_exceeded", said)
            return
        desk.busy[who] = desk.busy.get(who, 0) + 1
        try:
            await self._passed(body, model)
        finally:
            desk.busy[who] -= 1

    def _turn_away(self, model: str, code: str, said: str) -> None:
        self.desk.write({"at": time.time(), "user": self.person.name, "model": model, "status": 429})
        self.refuse(429, code, said)

    def on_connection_close(self) -> None:
        self._gone = True

    async def _passed(self, body: dict[str, Any], model: str) -> None:
        streams = bool(body.get("stream"))
        if streams:
            body = {**body, "stream_options": {"include_usage": True}}
        begun, counter = time.time(), Counter()
        call = self.desk.book.begin(self.person.name)
        try:
            await self._ask(body, counter)
        except (OSError, HTTPClientError) as error:
            _log.warning("the model server failed: %s", type(error).__name__)
        finally:
            self._count(call, model, counter, begun=begun)
        if self._gone or self._finished:
            return
        if self._status in UNSAID:
            self.refuse(502, "upstream_failed", "The model server does not answer now; try again.")
        else:
            self.finish()

    def _count(self, call: int, model: str, counter: Counter, *, begun: float) -> None:
        """Write down what it came to; what was refused by the server costs nothing but the call."""
        desk = self.desk
        tokens = counter.tokens(len(self.request.body)) if self._status == 200 else (0, 0)
        price = desk.file.prices.get(model, (0.0, 0.0))
        cost = sum(count * each for count, each in zip(tokens, price, strict=True)) / 1e6
        desk.book.end(call, tokens=sum(tokens), cost=cost)
        desk.write(
            {
                "at": begun, "user": self.person.name, "model": model, "status": self._status,
                "input_tokens": tokens[0], "output_tokens": tokens[1], "cost": round(cost, 6),
                "measured": counter.measured, "seconds": round(time.time() - begun, 3),
            }
        )  # fmt: skip

    async def _ask(self, body: dict[str, Any], counter: Counter) -> None:
        """Pass the answer on as it comes. Of the server's own trouble with the key nothing is passed on."""
        file = self.desk.file
        request = HTTPRequest(
            f"{file.upstream.rstrip('/')}/chat/completions",
            method="POST",
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.desk.key}"},
            body=json.dumps(body),
            connect_timeout=20,
            request_timeout=file.seconds,
            header_callback=self._heard,
            streaming_callback=lambda chunk: self._took(chunk, counter),
            follow_redirects=False,
            decompress_response=False,
        )
        await self.desk.client.fetch(request, raise_error=False)

    def _heard(self, line: str) -> None:
        name, _, value = line.partition(":")
        if line.startswith("HTTP/"):
            self._status = int(line.split()[1])
            self.set_status(self._status)
        elif name.lower() in ("content-type", "retry-after"):
            self.set_header(name, value.strip())

    def _took(self, chunk: bytes, counter: Counter) -> None:
        if self._gone:
            raise ConnectionAbortedError("nobody listens any more")
        counter.take(chunk)
        if self._status not in UNSAID:
            self.write(chunk)
            self.flush()


def application(file: GatewayFile, *, environ: Mapping[str, str]) -> web.Application:
    """The service, below the prefix that the hub gave it. Raises `UsageError`."""
    key = environ.get(file.key_variable, "") if file.key_variable else ""
    if file.key_variable and not key:
        said = f"{file.key_variable} is empty, and the model server's key is to be in it."
        raise UsageError(said, hint="Set it in the service's environment.")
    desk = Desk(
        file, Hub(environ), UsageBook(file.usage), key, AsyncHTTPClient(force_instance=True, max_clients=500)
    )
    prefix = environ.get("JUPYTERHUB_SERVICE_PREFIX", "/").rstrip("/")
    shared = {"desk": desk}
    routes = [
        (rf"{prefix}/v1/models", Models, shared),
        (rf"{prefix}/v1/chat/completions", Chat, shared),
    ]
    return web.Application(routes, desk=desk, log_function=lambda handler: None)
