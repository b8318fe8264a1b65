"""A JupyterLab and a Chromium for the whole run, a fresh page for each test, and pictures of what it saw."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.documents import CANCER, Document, write_notebook
from tests.browser.lab import Lab, running_lab
from tests.browser.seed import seed_long_session
from tests.browser.sidebar import Sidebar, wait_until_restored
from tests.servers.model_server import ModelServer
from tests.waiting import LIMIT

PAGE_TIMEOUT = 1000 * LIMIT
expect.set_options(
    timeout=PAGE_TIMEOUT
)  # a busy machine is slow; a test that waits in vain fails all the same


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium(repository: Path) -> str:
    """The browser's path; without one a person's run skips and CI fails."""
    command = [sys.executable, str(repository / "dev.py"), "chromium"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True).stdout.strip()
    if not found:
        no_chromium = "no Chromium: `python3 dev.py test` looks for one and says how to get it"
        if os.environ.get("CI") == "true":
            pytest.fail(no_chromium)
        pytest.skip(no_chromium)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def scripted_server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def script(scripted_server: ModelServer) -> Iterator[ModelServer]:
    """The model server behind `scripted_lab`; no turn is left over for the next test."""
    yield scripted_server
    scripted_server.forget()


@pytest.fixture(scope="session")
def scripted_lab(tmp_path_factory: pytest.TempPathFactory, scripted_server: ModelServer) -> Iterator[Lab]:
    """A lab whose model is the scripted one, with a long session in its past."""
    folder = tmp_path_factory.mktemp("scripted-lab")
    env = {
        "CODEMAD_COMPATIBLE_BASE_URL": scripted_server.openai_url,
        "CODEMAD_COMPATIBLE_MODELS": "scripted",
        "CODEMAD_DATA_DIR": str(folder / "codemad"),
    }
    seed_long_session(folder / "root", folder / "codemad")
    with running_lab(folder, env=env) as lab:
        yield lab


@pytest.fixture(scope="session")
def collaborative_lab(
    tmp_path_factory: pytest.TempPathFactory, scripted_server: ModelServer
) -> Iterator[Lab]:
    """A lab with jupyter-collaboration, which `python3 dev.py test` installs beside the environment."""
    extra = Path(sys.prefix) / "collaboration"
    assert extra.is_dir(), "run `python3 dev.py test`: it installs jupyter-collaboration"
    folder = tmp_path_factory.mktemp("collaborative-lab")
    env = {
        "CODEMAD_COMPATIBLE_BASE_URL": scripted_server.openai_url,
        "CODEMAD_COMPATIBLE_MODELS": "scripted",
        "CODEMAD_MODEL": "compatible/scripted",
        "CODEMAD_DATA_DIR": str(folder / "codemad"),
        "PYTHONPATH": os.pathsep.join([str(extra), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        "JUPYTER_PATH": os.pathsep.join([str(folder / "share"), str(extra / "share" / "jupyter")]),
        "JUPYTER_CONFIG_PATH": str(extra / "etc" / "jupyter"),
    }
    with running_lab(folder, env=env) as lab:
        yield lab


@pytest.fixture(params=["alone", "collaborating"])
def either_lab(request: pytest.FixtureRequest) -> Lab:
    """The scripted lab without and with jupyter-collaboration."""
    lab: Lab = request.getfixturevalue("scripted_lab" if request.param == "alone" else "collaborative_lab")
    return lab


@dataclass
class Desk:
    """A page of a lab with a notebook in front and the panel open, in a session of its own."""

    lab: Lab
    page: Page
    sidebar: Sidebar
    document: Document


@pytest.fixture
def open_desk(open_lab: Callable[..., Page], request: pytest.FixtureRequest) -> Callable[..., Desk]:
    """Opens desks; each test has notebooks of its own name, ``load`` runs the cell that makes ``df``."""
    test = re.sub(r"\W+", "_", request.node.name).strip("_").removeprefix("test_")[:30]

    def make(
        lab: Lab, cells: tuple[tuple[str, str, str], ...] = CANCER, *, load: bool = False, name: str = test
    ) -> Desk:
        path = f"{name}.ipynb"
        write_notebook(lab.root / path, cells)
        lab.command(type="new_session")
        page = open_lab(lab.address(path))
        desk = Desk(lab, page, Sidebar(page), Document(page, path))
        desk.document.open()
        if load:
            desk.document.run("load")
        desk.sidebar.open()
        return desk

    return make


@pytest.fixture
def picture(request: pytest.FixtureRequest, repository: Path) -> Callable[..., Path]:
    """Save what a page shows as test-artifacts/<test>[-<name>].png."""
    test = re.sub(r"\W+", "-", request.node.name).strip("-")
    folder = repository / "test-artifacts"

    def save(page: Page, name: str = "") -> Path:
        path = folder / (f"{test}-{name}.png" if name else f"{test}.png")
        page.screenshot(path=path)
        return path

    return save


@pytest.fixture
def open_lab(browser: Browser, picture: Callable[..., Path]) -> Iterator[Callable[..., Page]]:
    """Open an address of a lab in a fresh browser profile and wait until its layout is restored."""
    pages: list[Page] = []

    def open_address(address: str) -> Page:
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        page.set_default_timeout(PAGE_TIMEOUT)
        pages.append(page)
        page.goto(address)
        wait_until_restored(page)
        return page

    yield open_address
    for number, page in enumerate(pages):
        if not page.is_closed():
            picture(page, f"end-{number}" if number else "end")
        page.context.close()


@pytest.fixture
def page(lab: Lab, open_lab: Callable[..., Page]) -> Page:
    return open_lab(lab.address())
