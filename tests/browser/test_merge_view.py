"""A notebook that git could not merge, opened in the lab: chosen side by side, written, taken back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.documents import Document, write_notebook
from tests.browser.lab import Lab, running_lab
from tests.browser.sidebar import Sidebar, themes
from tests.conflicts import PYTHON, book, code, conflict, with_nbdime

LOAD = (
    "import pandas as pd\n\nsales = pd.read_csv('sales.csv')\nsales = sales[sales.year >= {}]\nsales.head()"
)
PLOT = "ax = sales.plot.bar(x='month', y='{}')\nax.set_title('{}')"
SIDES = (
    book(
        code("load", LOAD.format(2020)),
        code("plot", PLOT.format("total", "Sales")),
        code("old", "sales.T"),
        metadata=PYTHON,
    ),
    book(
        code("load", LOAD.format(2022)),
        code("plot", PLOT.format("net", "Sales")),
        code("check", "assert sales.net.ge(0).all()"),
        code("old", "sales.T.describe()"),
        metadata=PYTHON,
    ),
    book(
        code("load", LOAD.format(2024)),
        code("plot", PLOT.format("total", "Sales by month")),
        code("month", "sales.groupby('month').total.sum()"),
        metadata=PYTHON,
    ),
)
WRITTEN = ["load", "plot", "check", "month", "old"]


@pytest.fixture(scope="module")
def merging_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that finds nbdime, on a folder with a merge that failed in two notebooks."""
    folder = tmp_path_factory.mktemp("merging-lab")
    (folder / "root").mkdir()
    with running_lab(folder, env=with_nbdime()) as lab:
        yield lab


@pytest.fixture
def conflicted(merging_lab: Lab, request: pytest.FixtureRequest) -> Path:
    """A notebook in a repository of its own, below the folder of the lab."""
    return conflict(merging_lab.root / request.node.name, "sales.ipynb", sides=SIDES)


def view_of(page: Page, file: Path) -> Locator:
    return page.get_by_role("region", name=f"Merge conflicts of {file.parent.name}/{file.name}")


def ids(file: Path) -> list[str]:
    return [cell["id"] for cell in json.loads(file.read_bytes())["cells"]]


def pick(page: Page, view: Locator, conflict: int, side: str) -> None:
    """Choose with the keyboard alone: the arrows walk through the sides of a conflict."""
    group = view.locator(f"[data-codemad-conflict='{conflict}']")
    expect(group.get_by_role("radio").first).to_be_focused()
    page.keyboard.press("Space")
    for _ in range(4):
        if group.get_by_role("radio", name=side).is_checked():
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"the arrows do not lead to “{side}”")


def test_a_conflicted_notebook_opens_as_choices(
    merging_lab: Lab, conflicted: Path, open_lab: Callable[..., Page], picture: Callable[..., Path]
) -> None:
    before = conflicted.read_bytes()
    path = conflicted.relative_to(merging_lab.root).as_posix()
    merging_lab.command(type="new_session")
    page = open_lab(merging_lab.address(path))
    view = view_of(page, conflicted)
    expect(view.get_by_role("group")).to_have_count(3)
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    expect(view).to_contain_text("Both sides changed 3 places")
    write = view.get_by_role("button", name="Write the merged notebook")
    expect(write).to_be_disabled()
    for side in ("Ours (main)", "Theirs (theirs)", "Base (before both)"):
        expect(view.get_by_role("radio", name=side)).to_have_count(3)
    expect(view.get_by_role("region", name="Conflict 1, theirs").locator("mark")).to_have_text("4")
    view.get_by_role("button", name="Next open conflict").focus()
    page.keyboard.press("Enter")
    pick(page, view, 1, "Theirs")
    for theme in themes(page):
        picture(page, theme)
        assert Sidebar(page).violations(".codemad-merge-widget") == []
    for number, side in ((2, "Both, ours first"), (3, "Ours")):
        view.get_by_role("button", name="Next open conflict").focus()
        page.keyboard.press("Enter")
        pick(page, view, number, side)
    expect(view.get_by_role("status")).to_have_text("3 of 3 chosen")
    assert conflicted.read_bytes() == before, "nothing is written before the button"
    write.click()
    notebook = Document(page, path)
    page.wait_for_function("path => window.jupyterapp.shell.currentWidget?.context?.path === path", arg=path)
    notebook.wait_for_kernel()
    assert ids(conflicted) == WRITTEN
    assert notebook.source("load") == LOAD.format(2024)
    assert notebook.source("plot") == PLOT.format("net", "Sales by month")
    page.get_by_role("tab", name="Merge: sales.ipynb").click()
    expect(view).to_contain_text("The merged notebook is written.")
    picture(page, "written")
    view.get_by_role("button", name="Undo").click()
    expect(view.get_by_role("group")).to_have_count(3)
    assert conflicted.read_bytes() == before
    expect(view.get_by_role("radio", name="Both, ours first")).to_be_checked()
    expect(page.get_by_role("tab", name="sales.ipynb", exact=True)).to_have_count(0)


def test_from_the_file_browser_and_changed_meanwhile(
    merging_lab: Lab, conflicted: Path, open_lab: Callable[..., Page]
) -> None:
    whole = conflicted.parent / "whole.ipynb"
    write_notebook(whole)
    page = open_lab(merging_lab.address(whole.relative_to(merging_lab.root).as_posix()))

    def resolve(name: str) -> None:
        page.locator(".jp-DirListing-item", has_text=name).click(button="right")
        page.get_by_role("menuitem", name="Resolve Merge Conflicts").click()

    resolve(whole.name)
    expect(view_of(page, whole).get_by_role("alert")).to_contain_text("holds no merge conflict")
    resolve(conflicted.name)
    view = view_of(page, conflicted)
    view.get_by_role("button", name="Theirs (theirs)").click()
    changed = conflicted.read_bytes().replace(b"sales.csv", b"sold.csv")
    conflicted.write_bytes(changed)
    view.get_by_role("button", name="Write the merged notebook").click()
    expect(view.get_by_role("alert")).to_contain_text("was changed meanwhile")
    assert conflicted.read_bytes() == changed
    view.get_by_role("button", name="Look again").click()
    expect(view.get_by_role("alert")).to_have_count(0)
    expect(view.get_by_role("status")).to_have_text("0 of 3 chosen")


def test_a_notebook_that_is_broken_otherwise_is_labs_business(
    merging_lab: Lab, open_lab: Callable[..., Page]
) -> None:
    (merging_lab.root / "torn.ipynb").write_text('{"cells": [')
    page = open_lab(merging_lab.address("torn.ipynb"))
    expect(page.locator(".jp-Dialog")).to_contain_text("File Load Error for torn.ipynb")
    expect(page.locator(".codemad-merge")).to_have_count(0)
