"""The model gateway of a hub: whose token opens it, what is counted and kept, and what never leaves it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tornado import httpserver, netutil, web
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from codemad_jupyter.app.key_desk import ring, ring_text
from codemad_jupyter.app.model_gateway import GatewayFile, application, read_gateway
from codemad_jupyter.app.quotas import Quota, Used, exceeded
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.messages import Message
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn
from tests.waiting import LIMIT, until

KEY = "sk-central-CANARY-4f6a8b0c2d4e"
SCOPE = "access:services!service=codemad-gateway"
TOKENS: dict[str, dict[str, Any]] = {
    "ann-token": {"kind": "user", "name": "ann", "groups": ["staff"], "scopes": [SCOPE]},
    "bob-token": {"kind": "user", "name": "bob", "groups": [], "scopes": [SCOPE]},
    "eve-token": {"kind": "user", "name": "eve", "groups": [], "scopes": ["self"]},
    "bot-token": {"kind": "service", "name": "bot", "scopes": [SCOPE]},
}
QUOTA = Quota(calls=2, days=1)
SECRET_WORDS = "the salary of the director"


class HubUser(web.RequestHandler):
    """The hub's own word about a token."""

    def get(self) -> None:
        found = TOKENS.get(self.request.headers["Authorization"].removeprefix("token "))
        if found is None:
            self.set_status(403)
        self.finish(found or {"message": "no"})


@pytest.fixture
async def listen() -> AsyncIterator[Callable[[web.Application], str]]:
    servers: list[httpserver.HTTPServer] = []

    def started(app: web.Application) -> str:
        (sock,) = netutil.bind_sockets(0, "127.0.0.1", family=socket.AF_INET)
        servers.append(httpserver.HTTPServer(app))
        servers[-1].add_socket(sock)
        return f"http://127.0.0.1:{sock.getsockname()[1]}"

    yield started
    for server in servers:
        server.stop()
        await server.close_all_connections()


class Gateway:
    """A gateway that can be started again with the same files."""

    def __init__(self, folder: Path, upstream: str, listen: Callable[[web.Application], str]) -> None:
        self.file = GatewayFile(
            upstream=upstream,
            key_variable="CENTRAL",
            models=("scripted",),
            prices={"scripted": (2.0, 10.0)},
            quota=QUOTA,
            groups={"staff": Quota(cost=0.5)},
            usage=folder / "usage.sqlite",
            audit=folder / "audit.jsonl",
        )
        self._listen = listen
        hub = listen(web.Application([(r"/hub/api/user", HubUser)]))
        self.environ = {
            "JUPYTERHUB_API_URL": f"{hub}/hub/api",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps([SCOPE]),
            "JUPYTERHUB_SERVICE_PREFIX": "/services/codemad-gateway/",
            "CENTRAL": KEY,
        }
        self.start()

    def start(self) -> None:
        self.app = application(self.file, environ=self.environ)
        self.url = f"{self._listen(self.app)}/services/codemad-gateway/v1"

    async def ask(self, token: str, *, scheme: str = "Bearer", **more: Any) -> HTTPResponse:
        body = {"model": "scripted", "messages": [{"role": "user", "content": SECRET_WORDS}], **more}
        return await AsyncHTTPClient().fetch(
            f"{self.url}/chat/completions",
            method="POST",
            headers={"Authorization": f"{scheme} {token}"} if token else {},
            body=json.dumps(body),
            raise_error=False,
            request_timeout=LIMIT,
        )

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.audit.read_text().splitlines()]


@pytest.fixture
async def gateway(
    tmp_path: Path, model_server: ModelServer, listen: Callable[[web.Application], str]
) -> AsyncIterator[Gateway]:
    found = Gateway(tmp_path, model_server.openai_url, listen)
    yield found
    found.app.settings["desk"].book.close()


async def test_only_tokens_with_the_services_scope_of_people_get_in(
    gateway: Gateway, model_server: ModelServer
) -> None:
    codes = [(await gateway.ask(token)).code for token in ("", "none", "eve-token", "bot-token")]
    assert codes == [401, 403, 403, 403]
    assert (await gateway.ask("ann-token", scheme="Basic")).code == 401
    assert model_server.asked == []
    listed = await AsyncHTTPClient().fetch(
        f"{gateway.url}/models", headers={"Authorization": "token ann-token"}
    )
    assert [each["id"] for each in json.loads(listed.body)["data"]] == ["scripted"]
    assert (await gateway.ask("ann-token", model="other")).code == 404


async def test_a_stream_passes_and_is_counted_without_a_word_of_it(
    gateway: Gateway, model_server: ModelServer
) -> None:
    usage = {"input": 100_000, "output": 20_000}
    model_server.play(Turn(text="forty-two thousand", usage=usage))
    answer = await gateway.ask("ann-token", stream=True)
    assert answer.code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert b"data: [DONE]" in answer.body
    (sent,) = model_server.asked
    headers = json.dumps(dict(sent.headers))
    assert KEY in headers
    assert "ann-token" not in headers
    (line,) = gateway.lines()
    assert (line["user"], line["model"], line["status"], line["measured"]) == ("ann", "scripted", 200, True)
    assert line["cost"] > 0
    kept = gateway.file.audit.read_bytes() + gateway.file.usage.read_bytes()
    assert not any(word.encode() in kept for word in (SECRET_WORDS, "forty-two", KEY, "ann-token"))


async def test_a_quota_outlives_a_restart_and_is_each_persons_own(
    gateway: Gateway, model_server: ModelServer
) -> None:
    model_server.play(Turn(text="ok", repeat=True))
    assert [(await gateway.ask("bob-token", stream=True)).code for _ in range(2)] == [200, 200]
    refused = await gateway.ask("bob-token", stream=True)
    assert refused.code == 429
    assert json.loads(refused.body)["error"]["code"] == "insufficient_quota"
    gateway.app.settings["desk"].book.close()
    gateway.start()
    assert (await gateway.ask("bob-token", stream=True)).code == 429
    assert len(model_server.asked) == 2
    assert (await gateway.ask("ann-token", stream=True)).code == 200, "staff has a quota of its own"
    assert gateway.lines()[-2]["status"] == 429


async def test_too_many_calls_at_once_may_be_made_again_soon(
    gateway: Gateway, model_server: ModelServer
) -> None:
    gateway.app.settings["desk"].book.close()
    gateway.file = gateway.file.model_copy(update={"at_once": 1})
    gateway.start()
    model_server.play(Turn(text="slow", held_at=0), Turn(text="ok"))
    first = asyncio.create_task(gateway.ask("ann-token", stream=True))
    await until(lambda: model_server.asked)
    refused = await gateway.ask("ann-token", stream=True)
    assert (refused.code, refused.headers["Retry-After"]) == (429, "5")
    assert json.loads(refused.body)["error"]["code"] == "rate_limit_exceeded"
    assert (await gateway.ask("bob-token", stream=True)).code == 200
    model_server.go_on()
    assert (await first).code == 200


async def test_what_the_model_server_says_of_our_key_stays_here(
    gateway: Gateway, model_server: ModelServer
) -> None:
    model_server.play(Turn(status=401, message=f"Incorrect API key {KEY}"))
    answer = await gateway.ask("ann-token")
    assert answer.code == 502
    assert KEY.encode() not in answer.body
    assert gateway.lines()[-1]["cost"] == 0


async def test_a_single_users_server_asks_through_it_with_the_hubs_token(
    gateway: Gateway, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "bob-token")
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", gateway.url)
    monkeypatch.setenv("CODEMAD_COMPATIBLE_SIGN_IN", "hub")
    settings = load_settings()
    assert "bob-token" not in settings.redact("Authorization: bob-token")
    model_server.play(Turn(text="Through the gateway."))
    router = Router(GatewayConfig(**settings.gateway()), redact=settings.redact)
    request = Request(model="compatible/scripted", messages=(Message.user("hello"),))
    pieces = [piece async for piece in router.provider_for("compatible/scripted").stream(request)]
    await router.aclose()
    assert "Through the gateway." in "".join(getattr(piece, "text", "") for piece in pieces)
    assert gateway.lines()[-1]["user"] == "bob"


def test_a_hub_that_lets_in_is_no_missing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "bob-token")
    monkeypatch.setenv("CODEMAD_COMPATIBLE_SIGN_IN", "hub")
    assert "compatible   the hub lets this server in" in ring_text(ring(load_settings()))
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN")
    assert "compatible   no key: compatible_sign_in is hub, but no" in ring_text(ring(load_settings()))


def test_the_most_that_is_left_counts() -> None:
    assert exceeded(Quota(tokens=5), Used(tokens=5)) == "5 tokens a day are used up"
    assert exceeded(Quota(tokens=5, cost=1), Used(tokens=4, cost=0.9)) == ""
    assert exceeded(Quota(calls=0), Used())


def test_a_gateway_without_hub_price_or_key_says_so(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    text = 'upstream = "https://example.org/v1"\nmodels = ["a"]\n'
    path.write_text(f"{text}[quota]\ncost = 1.0\n")
    with pytest.raises(UsageError, match="no price for a"):
        read_gateway(path)
    path.write_text(f'{text}key_variable = "CENTRAL"\n')
    with pytest.raises(UsageError, match="CENTRAL is empty"):
        application(read_gateway(path), environ={})
    path.write_text(text)
    with pytest.raises(UsageError, match="no service of a JupyterHub"):
        application(read_gateway(path), environ={})
