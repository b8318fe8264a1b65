"""Two people of one JupyterHub, at work at the same time behind its proxy, under a prefix: nothing of one
reaches the other, both ask through the hub's gateway under the administrator's policy, and a run keeps its
server from being culled while an idle neighbour's is."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from codemad_jupyter.server.extension import routes
from tests.browser.conftest import PAGE_TIMEOUT
from tests.browser.hub import PREFIX, Hub, running_hub
from tests.browser.operating import GATEWAY, KEY, LOOSER, MODEL, SCRAPER, Operator, answer
from tests.browser.person import Person, in_their_labs
from tests.browser.sidebar import Sidebar
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn
from tests.waiting import wait_until

ANN, BEN = "ann", "bén o'hara"
"""The second name is one that addresses have to encode."""
WORDS = {ANN: "heronblue", BEN: "quincetree"}
"""What only one of the two says."""
SEEN = "import os; print(*(open(f'/proc/{pid}/environ').read() for pid in (os.getpid(), os.getppid())))"
"""Code that tells the variables of a kernel and of its server."""
TOKEN = "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])"
OF_JUPYTER = ("lab", "api/contents", "api/kernels", "api/sessions", "api/terminals", "files/secret.txt")


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        server.play(
            *(Turn(text=f"One of a kind: {word}.", match=word, repeat=True) for word in WORDS.values())
        )
        yield server


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Operator:
    return Operator(tmp_path_factory.mktemp("hub"), model.openai_url, student=BEN)


@pytest.fixture(scope="module")
def hub(operator: Operator) -> Iterator[Hub]:
    env = {
        "CODEMAD_INDEX": "false",
        "CODEMAD_DIAGNOSTICS": "off",
        "CODEMAD_POLICY_FILE": str(operator.policy),
        "JUPYTERHUB_ACTIVITY_INTERVAL": "2",
    }
    for name in (ANN, BEN):
        own = operator.folder / "homes" / name / ".jupyter" / "codemad" / "config.toml"
        own.parent.mkdir(parents=True)
        own.write_text(LOOSER)
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in operator.environment.items():
            patch.setenv(variable, value)
        with running_hub(operator.folder, ANN, BEN, env=env, operator=operator.configure) as hub:
            yield hub


@pytest.fixture(scope="module")
def people(hub: Hub, browser: Browser) -> Iterator[tuple[Person, Person]]:
    """Both in their labs, each after a first conversation."""
    with in_their_labs(hub, browser, ANN, BEN) as (ann, ben):
        for person in (ann, ben):
            told = Sidebar(person.page).ask(f"What is {WORDS[person.name]}?")
            expect(told).to_contain_text("One of a kind")
        yield ann, ben


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


def test_the_key_for_all_is_with_the_gateway_alone(
    hub: Hub, people: tuple[Person, Person], model: ModelServer
) -> None:
    assert {each.key for each in model.asked} == {KEY}
    for person in people:
        assert "JUPYTERHUB_API_TOKEN" in (seen := person.run(SEEN)[1])
        assert not [each for each in (KEY, SCRAPER, "CENTRAL_KEY") if each in seen]
        written = [each for each in hub.home(person.name).rglob("*") if each.is_file()]
        assert not [each for each in (*written, hub.log) if KEY.encode() in each.read_bytes()]


def test_who_has_used_up_a_quota_is_told_so_and_others_are_served(
    people: tuple[Person, Person], operator: Operator, picture: Callable[..., Path]
) -> None:
    ann, ben = people
    Sidebar(ben.page).ask(f"Once more: {WORDS[BEN]}?")
    for person in people:
        run = Sidebar(person.page).ask(f"And then, {WORDS[person.name]}?")
        told = "2 calls in 7 days are used up" if person is ben else "One of a kind"
        expect(run).to_contain_text(told)
    picture(ben.page)
    counted = [each["user"] for each in operator.audit() if each["status"] == 200]
    assert (counted.count(ann.name), counted.count(ben.name)) == (2, 2)
    assert [each["user"] for each in operator.audit() if each["status"] == 429] == [ben.name]


def test_the_gateway_and_the_scraper_let_in_who_is_meant(hub: Hub, people: tuple[Person, Person]) -> None:
    strangers = [answer(f"{hub.url}{GATEWAY}", token)[0] for token in ("", "nobody", SCRAPER)]
    assert strangers == [401, 403, 403]
    for person in people:
        code, said = answer(f"{person.server}/codemad/health", SCRAPER)
        assert (code, json.loads(said)["ready"]) == (200, True)
        assert "codemad_runs_total" in answer(f"{person.server}/metrics", SCRAPER)[1]
        for path in ("codemad/health", "metrics"):
            assert answer(f"{person.server}/{path}", hub.token)[0] == 403


def test_the_panel_goes_on_after_the_proxy_was_away(
    hub: Hub, people: tuple[Person, Person], picture: Callable[..., Path]
) -> None:
    """All sockets break at once; nobody reloads a page or signs in again."""
    for person in people:
        _send_dialogs_away(person.page)
    ann, _ = people
    before, old = ann.lines(), hub.proxy
    assert before
    assert old is not None
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: hub.proxy not in (None, old), "the hub's starting of a new proxy")
    wait_until(lambda: ann.lines() > before, "the panel's coming back")
    picture(ann.page, "back")
    expect(Sidebar(ann.page).ask(f"And what is {WORDS[ANN]} now?")).to_contain_text("One of a kind")


def test_what_the_administrator_set_holds_for_both(
    hub: Hub, people: tuple[Person, Person], picture: Callable[..., Path]
) -> None:
    for person in people:
        rows = person.settings()
        assert (rows["mode"]["value"], rows["web_fetch"]["value"]) == ("ask", False)
        assert rows["compatible_base_url"]["value"].startswith(hub.url)
        assert rows["web_fetch"]["hold"]["locked"]
        assert rows["web_fetch"]["ignored"]
        sidebar = Sidebar(person.page)
        sidebar.show_rarer("Keys and trust")
        shown = sidebar.panel.get_by_role("region", name="Keys and trust")
        expect(shown.get_by_role("region", name="Set by the administrator")).to_contain_text("web_fetch")
        keys = shown.get_by_role("region", name="Keys of providers").get_by_role("listitem")
        expect(keys).to_contain_text(["no key", "the hub lets this server in"])
        picture(person.page, WORDS[person.name])
    told = people[1].run("!codemad config get web_fetch --show-origin; codemad config set web_fetch true")[1]
    assert "Locked: set by the administrator" in told
    assert "web_fetch stays as it is: it is false" in told


def _send_dialogs_away(page: Page) -> None:
    """What Lab says of a missing server. By a key, for a dialog may go by itself meanwhile."""
    said = page.locator(".jp-Dialog").first
    page.add_locator_handler(said, lambda: page.keyboard.press("Escape"), no_wait_after=True)


def _private(path: Path, top: Path) -> bool:
    """Whether another user of the machine is stopped at it, or at a folder on the way to it."""
    return any(each.stat().st_mode & 0o077 == 0 for each in (path, *path.parents) if each.is_relative_to(top))


def test_a_run_keeps_its_server_and_an_idle_one_is_culled(
    hub: Hub, people: tuple[Person, Person], model: ModelServer
) -> None:
    """The real culler, once, after both have closed their pages: one with a model that thinks in silence."""
    ann, _ = people
    model.forget()
    model.play(Turn(hang=True, repeat=True))
    session = json.loads(ann.sessions())["current"]
    status, ack = ann.command(type="prompt", session=session, text="Think.", model=MODEL)
    assert status == 200, ack
    assert model.wait_for(lambda server: server.asked)
    own = {person.name: person.run(TOKEN)[1].strip() for person in people}
    for person in people:
        person.page.close()

    wait_until(lambda: hub.idle(BEN) > 6 and hub.idle(ANN) * 3 < hub.idle(BEN), "the run's own activity")
    hub.cull(hub.idle(BEN) - 0.5)
    wait_until(lambda: not hub.servers(BEN), "the end of the idle server")
    assert hub.servers(ANN)[""]["ready"]
    wait_until(lambda: answer(f"{hub.url}{GATEWAY}", own[BEN])[0] == 403, "the end of its token")
    assert answer(f"{hub.url}{GATEWAY}", own[ANN])[0] == 200
