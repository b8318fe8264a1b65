"""Two people of one JupyterHub, at work at the same time behind its proxy, under a prefix: nothing of one
reaches the other, and a run keeps its server from being culled while an idle neighbour's is."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from codemad_jupyter.server.extension import routes
from tests.browser.conftest import PAGE_TIMEOUT
from tests.browser.hub import PREFIX, Hub, running_hub, sign_in
from tests.browser.person import Person
from tests.browser.sidebar import Sidebar
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn
from tests.waiting import LIMIT, wait_until

ANN, BEN = "ann", "bén o'hara"
"""The second name is one that addresses have to encode."""
WORDS = {ANN: "heronblue", BEN: "quincetree"}
"""What only one of the two says."""
OF_JUPYTER = ("lab", "api/contents", "api/kernels", "api/sessions", "api/terminals", "files/secret.txt")


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        server.play(
            *(Turn(text=f"One of a kind: {word}.", match=word, repeat=True) for word in WORDS.values())
        )
        yield server


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Hub]:
    env = {
        "CODEMAD_INDEX": "false",
        "CODEMAD_DIAGNOSTICS": "off",
        "CODEMAD_COMPATIBLE_BASE_URL": model.openai_url,
        "CODEMAD_COMPATIBLE_MODELS": "scripted",
        "JUPYTERHUB_ACTIVITY_INTERVAL": "2",
    }
    with running_hub(tmp_path_factory.mktemp("hub"), ANN, BEN, env=env) as hub:
        yield hub


@pytest.fixture(scope="module")
def people(hub: Hub, browser: Browser) -> Iterator[tuple[Person, Person]]:
    """Both in their labs at once, each in a browser profile of their own, each after a first conversation."""
    found = []
    for name in (ANN, BEN):
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        page.set_default_timeout(PAGE_TIMEOUT)
        person = Person(name, page, hub.server(name))
        page.on("request", lambda request, person=person: person.asked.append(request.url))
        page.on("websocket", person.follow)
        found.append(person)
        sign_in(page, hub, name)
    for name in (ANN, BEN):  # each step has its own limit: two servers and two labs start at once
        wait_until(lambda name=name: _servers(hub, name).get("", {}).get("ready"), "the start of a server")
    for person in found:
        person.page.wait_for_url(re.compile(".*/lab.*"), wait_until="commit")
    for person in found:
        Sidebar(person.page).open()
        Sidebar(person.page).ask(f"What is {WORDS[person.name]}?")
    yield found[0], found[1]
    for person in found:
        person.page.context.close()


def test_both_work_at_once_and_see_their_own(
    people: tuple[Person, Person], picture: Callable[..., Path]
) -> None:
    for person, other in (people, people[::-1]):
        sidebar = Sidebar(person.page)
        expect(sidebar.log).to_contain_text(WORDS[person.name])
        assert WORDS[other.name] not in person.page.content()
        assert WORDS[person.name] in person.sessions()
        assert WORDS[other.name] not in person.sessions()
        picture(person.page, WORDS[person.name])


def test_no_request_leaves_the_prefix(people: tuple[Person, Person]) -> None:
    for person in people:
        own = urlsplit(person.server)
        asked = [urlsplit(each) for each in person.asked if each.startswith("http")]
        assert {each.netloc for each in asked} == {own.netloc}
        inside = (f"{own.path}/", f"{PREFIX}/hub/")  # the hub's own pages, for signing in
        assert not [each.path for each in asked if not each.path.startswith(inside)]
        for part in ("/codemad/sessions", "/codemad/stream"):
            assert any(each.path.endswith(part) for each in asked), part


def test_no_route_of_the_other_answers(people: tuple[Person, Person]) -> None:
    """All of ours, as the extension registers them, and what Jupyter has beside them."""
    named = {"session": "abc", "provider": "abc", "name": "abc"}
    ours = [re.sub(r"\(\?P<(\w+)>.*?\)", lambda found: named[found[1]], spec[0]) for spec in _routes()]
    assert len(ours) > 40
    paths = [*(each.lstrip("/") for each in ours), *OF_JUPYTER]
    for person, other in (people, people[::-1]):
        own = person.statuses(person.server, ["codemad/status", "codemad/sessions", "api/contents"])
        assert all(200 in statuses for statuses in own.values())
        found = person.statuses(other.server, paths)
        assert not {path: statuses for path, statuses in found.items() if not statuses <= {403, 405}}


def _routes() -> list[tuple[Any, ...]]:
    return routes("/", host=object())  # type: ignore[arg-type]


def test_no_socket_of_the_other_opens(people: tuple[Person, Person]) -> None:
    for person, other in (people, people[::-1]):
        assert person.listens(person.server) == "open"
        assert person.listens(other.server) == "refused"


def test_a_cookie_of_one_opens_nothing_of_the_other(people: tuple[Person, Person], browser: Browser) -> None:
    """Every cookie that one has, put where the other's server looks for its own."""
    ann, ben = people
    path = urlsplit(ben.server).path
    context = browser.new_context()
    try:
        for cookie in ann.page.context.cookies():
            context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": ben.server}])
            renamed = cookie["name"].replace(f"user-{ANN}", f"user-{path.rsplit('/', 1)[-1]}")
            context.add_cookies([{"name": renamed, "value": cookie["value"], "url": ben.server}])
        answer = context.request.get(f"{ben.server}/codemad/sessions", timeout=PAGE_TIMEOUT)
        assert answer.status == 403
    finally:
        context.close()


def test_a_write_needs_the_page_s_own_xsrf_token(people: tuple[Person, Person]) -> None:
    ann, _ = people
    url, headers = f"{ann.server}/codemad/commands", {"Content-Type": "application/json"}
    body = json.dumps({"type": "new_session", "title": "forged"})
    forged = ann.page.request.post(url, headers=headers, data=body, timeout=PAGE_TIMEOUT)
    assert forged.status == 403
    assert "forged" not in ann.sessions()
    assert ann.command(type="new_session", title="meant")[0] == 200
    assert "meant" in ann.sessions()


def test_code_in_a_kernel_reaches_its_own_server_only(people: tuple[Person, Person]) -> None:
    """With all that it can read: the hub's token of its server, and our secret for kernels."""
    direct = "import os; print(os.environ['CODEMAD_JUPYTER_URL'])"
    for person, other in (people, people[::-1]):
        past_the_proxy = other.run(direct)[1].strip().rstrip("/")
        own, theirs = person.try_from_a_kernel(other.server, past_the_proxy)
        assert own == [200, 200]
        assert set(theirs) == {403}, theirs
        kernel, listed = person.run("%codemad sessions")
        assert other.page.request.get(f"{other.server}/api/kernels/{kernel}").status == 404
        assert person.page.request.get(f"{person.server}/api/kernels/{kernel}").status == 200
        assert WORDS[person.name] in listed
        assert WORDS[other.name] not in listed


def test_each_has_a_store_that_nobody_else_can_open(hub: Hub, people: tuple[Person, Person]) -> None:
    for person, other in (people, people[::-1]):
        home = hub.home(person.name)
        stores = list(home.rglob("*.duckdb"))
        assert len(stores) == 1, stores
        ours = next(each for each in stores[0].parents if each.name == "codemad")
        assert not [each for each in ours.rglob("*") if not _private(each, ours)], (
            "open to the machine's users"
        )
        written = [each for each in home.rglob("*") if each.is_file() and not each.is_symlink()]
        assert not [each for each in written if WORDS[other.name].encode() in each.read_bytes()]


def test_the_panel_goes_on_after_the_proxy_was_away(
    hub: Hub, people: tuple[Person, Person], picture: Callable[..., Path]
) -> None:
    """All sockets break at once; nobody reloads a page or signs in again."""
    ann, _ = people
    said = ann.page.locator(".jp-Dialog")  # by Lab, at once or when its kernel's socket is missing
    ann.page.add_locator_handler(said, lambda: said.get_by_role("button", name="Dismiss").click())
    before, old = ann.lines(), hub.proxy
    assert before
    assert old is not None
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: hub.proxy not in (None, old), "the hub's starting of a new proxy")
    wait_until(lambda: ann.lines() > before, "the panel's coming back")
    picture(ann.page, "back")
    expect(Sidebar(ann.page).ask(f"And what is {WORDS[ANN]} now?")).to_contain_text("One of a kind")


def _private(path: Path, top: Path) -> bool:
    """Whether another user of the machine is stopped at it, or at a folder on the way to it."""
    return any(each.stat().st_mode & 0o077 == 0 for each in (path, *path.parents) if each.is_relative_to(top))


def test_a_run_keeps_its_server_and_an_idle_one_is_culled(
    hub: Hub, people: tuple[Person, Person], model: ModelServer
) -> None:
    """The real culler, once, after both have closed their pages: one with a model that thinks in silence."""
    from jupyterhub_idle_culler import cull_idle

    ann, _ = people
    model.forget()
    model.play(Turn(hang=True, repeat=True))
    session = json.loads(ann.sessions())["current"]
    status, ack = ann.command(type="prompt", session=session, text="Think.", model="compatible/scripted")
    assert status == 200, ack
    assert model.wait_for(lambda server: server.asked)
    for person in people:
        person.page.close()

    wait_until(
        lambda: _idle(hub, BEN) > 6 and _idle(hub, ANN) * 3 < _idle(hub, BEN), "the run's own activity"
    )
    culling = cull_idle(hub.api, hub.token, _idle(hub, BEN) - 0.5, Log())
    with ThreadPoolExecutor(1) as apart:  # Playwright's loop holds this thread
        apart.submit(asyncio.run, culling).result(LIMIT)
    wait_until(lambda: not _servers(hub, BEN), "the end of the idle server")
    assert _servers(hub, ANN)[""]["ready"]


class Log:
    """Takes what the culler says."""

    def info(self, *_: object) -> None: ...

    debug = warning = error = info


def _servers(hub: Hub, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each["servers"] for each in hub.asked("/users") if each["name"] == name)
    return found


def _idle(hub: Hub, name: str) -> float:
    """The seconds since the hub last heard of activity in somebody's server."""
    last = datetime.fromisoformat(_servers(hub, name)[""]["last_activity"])
    return time.time() - last.astimezone(UTC).timestamp()
