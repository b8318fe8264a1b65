"""What a visitor of Binder meets: the files of binder/ settle and start the lab as a launch does. A key that
they type is used, and is nowhere but in the memory of the server; nothing of whoever starts it is there.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.lab import serve_own_front_end
from tests.browser.sidebar import Sidebar
from tests.hostile.attacking import files_that_tell, told
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Binder is Linux")
ASKED = (
    "api/config/section/notebook api/contents api/kernels api/kernelspecs api/sessions api/status"
    " api/terminals codemad/agents codemad/checkpoints codemad/health codemad/keys codemad/metrics"
    " codemad/models codemad/sessions codemad/settings codemad/status codemad/trust lab lab/api/settings"
    " lab/api/workspaces metrics"
)
"""What a visitor can ask of the server."""


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Secrets of whoever starts the pod: in the environment and in the home."""
    found = [secrets.token_hex(12) for _ in range(4)]
    for name, secret in zip(("OPENAI_API_KEY", "CODEMAD_COMPATIBLE_API_KEY"), found, strict=False):
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, secret in zip((".netrc", ".config/codemad/keys.json"), found[2:], strict=True):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(secret)
    return found


@pytest.fixture
def launch(
    repository: Path, monkeypatch: pytest.MonkeyPatch, planted: list[str], scripted_server: ModelServer
) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(repository / "binder"))
    import measure

    model = {"CODEMAD_COMPATIBLE_BASE_URL": scripted_server.openai_url}
    with measure.launched(**model, CODEMAD_COMPATIBLE_MODELS="scripted") as launch:
        serve_own_front_end(launch.folder / "prefix" / "share" / "labextensions")
        measure.until_up(launch)
        yield launch


def test_the_tour_opens_without_a_key_and_one_that_is_typed_stays_in_memory(
    browser: Browser, launch: Any, script: ModelServer, planted: list[str]
) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    key = f"local-{secrets.token_hex(16)}"
    passed = _listen(page)
    page.goto(f"{launch.url}/?token={launch.token}")
    expect(page.get_by_role("heading", name="A tour of CodeMAD Jupyter")).to_be_visible()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    sidebar = Sidebar(page)
    expect(sidebar.panel.get_by_text("Built-in assistant, no key needed.")).to_be_visible()
    _type(sidebar, key)
    sidebar.choose_model("scripted")
    script.play(Turn(text=f"Your key is {key}."))
    expect(sidebar.ask(f"is {key} a good key?")).to_contain_text("Your key is")
    assert script.asked[-1].key == key
    import measure

    assert measure.execute(launch, "tour.ipynb") > 3

    replies = _replies(launch)
    environments = _environments(measure.family(launch.process.pid))
    assert any(b"ipykernel_launcher" in each for each in environments)
    assert told(launch.token, *environments), "the look finds what is there"
    assert files_that_tell(launch.token, launch.folder), "the server's own file of it"
    for secret in (key, *planted):
        assert told(secret, *environments) == []
        assert files_that_tell(secret, launch.folder) == []
        assert told(secret, *replies.values(), *passed, page.content()) == []
    context.close()
    launch.process.terminate()
    launch.process.wait()
    for secret in (key, *planted):
        assert files_that_tell(secret, launch.folder) == []


def _listen(page: Page) -> list[str]:
    """The addresses that the page asks for, and what its sockets are told."""
    passed: list[str] = []
    page.on("request", lambda request: passed.append(request.url))
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: passed.append(str(frame))))
    return passed


def _type(sidebar: Sidebar, key: str) -> None:
    """Give the key on the page for it."""
    sidebar.show_rarer("Keys and trust")
    keys = sidebar.panel.get_by_role("region", name="Keys and trust")
    expect(keys).to_contain_text("Keys stay in the memory of this server")
    server = keys.get_by_role("listitem").filter(has_text="OpenAI-compatible server")
    server.get_by_role("button", name="Set", exact=True).click()
    field = server.get_by_role("textbox", name="Key for OpenAI-compatible server")
    field.fill(key)
    field.press("Enter")
    expect(server).to_contain_text("in the memory of this server")


def _replies(launch: Any) -> dict[str, bytes]:
    """What the server says to whoever may ask."""
    sessions = [each["id"] for each in json.loads(launch.get("/codemad/sessions"))["sessions"]]
    events = [f"codemad/sessions/{id}/{what}" for id in sessions for what in ("events", "tree")]
    found = {}
    for path in (*ASKED.split(), *events):
        try:
            said = launch.get(f"/{path}")
        except urllib.error.HTTPError as error:
            said = error.read()
        found[path] = said if isinstance(said, bytes) else json.dumps(said).encode()
    assert b"tour.ipynb" in found["api/contents"]
    return found


def _environments(processes: set[int]) -> list[bytes]:
    """The environment and the command line of each."""
    files = [Path(f"/proc/{pid}/{name}") for pid in processes for name in ("environ", "cmdline")]
    return [file.read_bytes() for file in files if os.access(file, os.R_OK)]
