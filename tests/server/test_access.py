"""Who gets in: nobody without a token, a cookie of this origin, or, for kernels, the kernels' secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tornado import web
from tornado.httpclient import HTTPClientError
from tornado.routing import URLSpec

from tests.server.serving import Served

COMMAND = {"type": "new_session", "title": "x"}
PEOPLE = ["sessions", "sessions/abc/events", "models", "status"]
KERNELS = ["kernel/session", "kernel/events", "kernel/models", "kernel/checkpoints", "kernel/blame"]


def our_specs(server: Served) -> list[URLSpec]:
    groups = [rule.target for rule in server.app.web_app.default_router.rules]
    rules = [rule for group in groups if hasattr(group, "rules") for rule in group.rules]
    rules += [rule for group in server.app.web_app.wildcard_router.rules for rule in [group]]
    return [rule for rule in rules if "codemad" in getattr(rule.matcher, "regex", rule).pattern]


def has_decorator(method: Any) -> bool:
    return hasattr(method, "__allow_unauthenticated") or _wrapped_by_authenticated(method)


def _wrapped_by_authenticated(method: Any) -> bool:
    while method is not None:
        if method.__code__.co_filename == web.authenticated.__code__.co_filename:
            return True
        method = getattr(method, "__wrapped__", None)
    return False


async def test_every_route_is_decorated_and_shut(server: Served) -> None:
    """Walks the running router, so a new route cannot be forgotten."""
    specs = our_specs(server)
    assert len(specs) == 59
    for spec in specs:
        path = spec.matcher.regex.pattern.removeprefix(server.base).rstrip("$")
        path = path.replace("(?P<session>[A-Za-z0-9_-]{1,100})", "abc")
        path = path.replace("(?P<provider>[a-z0-9_-]{1,40})", "abc")
        path = path.replace("(?P<name>[a-z0-9][a-z0-9-]{0,39})", "abc")
        for verb in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
            method = getattr(spec.target, verb.lower())
            if method is web.RequestHandler._unimplemented_method:
                continue
            if verb != "HEAD":
                assert has_decorator(method), (path, verb)
            for headers in ({}, {"Authorization": "token wrong"}, {"X-Codemad-Kernel-Token": "wrong"}):
                body = b"{}" if verb == "POST" else None
                response = await server.fetch(path, headers=dict(headers), body=body)
                assert response.code in (403, 405), (path, verb, headers, response.code)


@pytest.mark.parametrize("route", [*PEOPLE, *KERNELS, "stream"])
async def test_anonymous_get(server: Served, route: str) -> None:
    response = await server.fetch(f"codemad/{route}", headers={})
    assert response.code == 403
    assert b"<html" not in response.body.lower() or route == "stream"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "token wrong"}])
async def test_anonymous_socket(server: Served, headers: dict[str, str]) -> None:
    with pytest.raises(HTTPClientError, match="403"):
        await server.tab(headers=headers)
    assert len(server.host.tabs) == 0


async def test_cookie_needs_the_xsrf_header_to_write(server: Served) -> None:
    cookie = await server.login()
    assert (await server.fetch("codemad/status", headers=cookie)).code in (200, 403)
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        headers = {**cookie, "Content-Type": kind, "Sec-Fetch-Mode": "no-cors"}
        response = await server.fetch("codemad/commands", headers=headers, body=COMMAND)
        assert response.code == 403, kind
    headers = {**cookie, "X-XSRFToken": server.cookies["_xsrf"]}
    response = await server.fetch("codemad/commands", headers=headers, body={"type": "nonsense"})
    assert response.code == 400, response.body


async def test_foreign_origin_gets_no_socket(server: Served) -> None:
    cookie = await server.login()
    for origin in ("http://evil.example", f"http://127.0.0.1:{server.port}.evil.example", "null"):
        with pytest.raises(HTTPClientError, match="403"):
            await server.tab(headers={**cookie, "Origin": origin})
    own = await server.tab("own", headers={**cookie, "Origin": f"http://127.0.0.1:{server.port}"})
    assert len(server.host.tabs) == 1
    own.close()


async def test_the_kernels_secret_opens_kernel_routes_only(server: Served) -> None:
    for route in PEOPLE:
        assert (await server.fetch(f"codemad/{route}", headers=server.secret)).code == 403, route
    assert (await server.fetch("codemad/commands", headers=server.secret, body=COMMAND)).code == 403
    assert (await server.fetch("api/contents", headers=server.secret)).code in (302, 403)
    with pytest.raises(HTTPClientError, match="403"):
        await server.tab(headers=server.secret)
    refused = await server.fetch("codemad/kernel/commands", headers=server.secret, body={"type": "x"})
    assert refused.code == 400


async def test_people_s_keys_do_not_open_kernel_routes(server: Served) -> None:
    cookie = await server.login()
    for headers in (server.token, {**cookie, "X-XSRFToken": server.cookies["_xsrf"]}):
        for route in KERNELS:
            assert (await server.fetch(f"codemad/{route}", headers=headers)).code == 403, route
        response = await server.fetch("codemad/kernel/commands", headers=headers, body=COMMAND)
        assert response.code == 403


@pytest.mark.parametrize("kind", ["approve", "reject", "rename_session", "arrange_session", "import_session"])
async def test_a_kernel_may_not_approve(server: Served, kind: str) -> None:
    extras = {
        "approve": {"session": "s", "approval": "a", "digest": "d"},
        "reject": {"session": "s", "approval": "a"},
        "rename_session": {"session": "s", "title": "x"},
        "arrange_session": {"session": "s", "archived": True},
        "import_session": {"text": "{}"},
    }
    body = {"type": kind, **extras[kind]}
    response = await server.fetch("codemad/kernel/commands", headers=server.secret, body=body)
    assert response.code == 403
    assert json.loads(response.body)["error"]["code"] == "denied"


async def test_routes_live_under_the_base_url_only(server: Served) -> None:
    assert (await server.fetch("codemad/status")).code == 200
    server.base = "/"
    assert (await server.fetch("codemad/status")).code == 404
