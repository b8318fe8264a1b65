"""Two people of one JupyterHub and a session that one of them shares: through the hub's own service, set up
as the documentation says, and in two browsers."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.hub import REPOSITORY, Hub, running_hub
from tests.browser.lab import free_port
from tests.browser.person import Person, in_their_labs
from tests.browser.sidebar import Sidebar
from tests.docs.pages import read
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn
from tests.waiting import wait_until

ANN, BEN = "ann", "bén o'hara"


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        server.play(
            Turn(text="The heron is blue.", match="heron", repeat=True),
            Turn(text="The quince is ripe.", match="quince", repeat=True),
        )
        yield server


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Hub]:
    env = {
        "CODEMAD_INDEX": "false",
        "CODEMAD_DIAGNOSTICS": "off",
        "CODEMAD_COMPATIBLE_BASE_URL": model.openai_url,
        "CODEMAD_COMPATIBLE_MODELS": "scripted",
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        with running_hub(tmp_path_factory.mktemp("hub"), ANN, BEN, env=env, operator=as_documented) as hub:
            yield hub


def as_documented(_: Hub) -> str:
    """The block of the page, at a port of this test."""
    blocks = read(REPOSITORY / "docs" / "sharing.md")
    [text] = [block.text for block in blocks if block.caption == "jupyterhub_config.py"]
    assert "8091" in text
    return text.replace("8091", str(free_port()))


@pytest.fixture(scope="module")
def people(hub: Hub, browser: Browser) -> Iterator[tuple[Person, Person]]:
    with in_their_labs(hub, browser, ANN, BEN) as (ann, ben):
        yield ann, ben


def sessions_page(page: Page) -> None:
    page.evaluate("() => void window.jupyterapp.commands.execute('codemad:sessions')")
    expect(page.get_by_role("heading", name="Sessions and branches")).to_be_visible()


def test_one_shares_and_the_other_sees_comments_asks_and_is_shut_out(
    people: tuple[Person, Person], picture: Callable[..., Path]
) -> None:
    ann, ben = people
    expect(Sidebar(ann.page).ask("What of the heron?")).to_contain_text("The heron is blue.")

    sessions_page(ann.page)
    ann.page.get_by_role("button", name="More about “What of the heron?”").click()
    ann.page.get_by_role("menuitem", name="Share…").click()
    dialog = ann.page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("whole conversation from its beginning")
    dialog.get_by_role("textbox").fill(BEN)
    dialog.get_by_role("button", name="Next").click()
    expect(dialog).to_contain_text("with your model, files and kernel")
    dialog.locator("select").select_option("may read, comment and ask")
    dialog.get_by_role("button", name="Share").click()
    expect(ann.page.get_by_role("list", name="Shared by you")).to_contain_text(BEN)

    sessions_page(ben.page)
    theirs = ben.page.get_by_role("button", name="What of the heron? of ann")

    def listed() -> bool:
        ben.page.get_by_role("button", name="Look again").click()
        return theirs.is_visible()

    wait_until(listed, "what is shared")
    theirs.click()
    visit = ben.page.get_by_role("region", name="What of the heron? of ann")
    expect(visit).to_contain_text("The heron is blue.")
    expect(visit.get_by_role("button", name=re.compile("Undo|Allow|Accept|Branch"))).to_have_count(0)

    words = visit.get_by_label("Comment or message")
    words.fill("Mind the beak.")
    visit.get_by_role("button", name="Comment", exact=True).click()
    ann.page.get_by_role("button", name="Back to the conversation").click()
    comment = Sidebar(ann.page).log.get_by_role("article", name=f"Comment by {BEN}")
    expect(comment).to_contain_text("Mind the beak.")
    expect(visit).to_contain_text("Mind the beak.")

    words.fill("And the quince?")
    visit.get_by_role("button", name="Ask").click()
    expect(visit).to_contain_text("The quince is ripe.")
    asked = Sidebar(ann.page).log.get_by_role("article", name=f"{BEN} asked: And the quince?")
    expect(asked).to_contain_text("The quince is ripe.")
    picture(ann.page, "owner")
    picture(ben.page, "guest")

    session = json.loads(ann.sessions())["current"]
    for command in ({"type": "undo"}, {"type": "choose_mode", "mode": "auto_edit"}):
        status, _ = ben.command(session=session, **command)
        assert status in (403, 404)
    assert ann.command(type="unshare_session", session=session, guest=BEN)[0] == 200
    expect(visit.get_by_role("alert")).to_contain_text("not shared with you")
    assert "heron" not in ben.sessions()
