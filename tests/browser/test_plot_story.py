"""From a question beside a live dataframe to a cell that ran, and back: the whole line in one page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.browser.sidebar import themes

QUESTION = "plot the mean radius by diagnosis"


def look(desk: Desk, name: str, picture: Callable[..., Path]) -> None:
    """A picture and axe's opinion in each theme."""
    for theme in themes(desk.page):
        picture(desk.page, f"{name}-{theme}")
        assert desk.sidebar.violations() == [], f"{name} {theme}"


def test_a_plot_is_proposed_accepted_run_undone_and_redone(
    lab: Lab, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(lab, load=True, name="cancer")
    sidebar, document = desk.sidebar, desk.document
    before = document.cells()
    run = sidebar.ask(QUESTION)
    steps = run.get_by_role("list", name="Steps").first
    expect(steps).to_contain_text("Look at variables")
    expect(run.locator(".codemad-tool-summary").first).to_contain_text("df")
    card = sidebar.cards
    expect(card).to_have_count(1)
    expect(card).to_contain_text("tried: passed")
    expect(card.locator(".codemad-diff .codemad-diff-added").first).to_be_visible()
    for name in ("Accept", "Accept and run", "Reject"):
        expect(card.get_by_role("button", name=name, exact=True)).to_be_enabled()
    assert document.cells() == before
    look(desk, "proposed", picture)

    sidebar.press_by_keyboard("Accept and run")
    expect(card).to_contain_text("Ran in")
    position = document.ids().index("load") + 1
    added = document.cells()[position]
    assert added["id"] not in [cell["id"] for cell in before]
    assert any("image/png" in output.get("data", {}) for output in added["outputs"])
    expect(document.cell(added["id"]).locator(".jp-OutputArea img")).to_be_visible()
    look(desk, "ran", picture)

    document.type_into("last", "  # mine")
    document.save()
    on_disk = (lab.root / document.path).read_text()
    assert added["id"] in on_disk
    document.type_into("intro", " and more")
    run.get_by_role("button", name="Undo").last.click()
    expect(sidebar.log).to_contain_text("Undone (1 cell)")
    assert document.ids() == [cell["id"] for cell in before]
    assert document.source("last") == "len(df)  # mine"
    assert document.source("intro") == "# Breast cancer and more"
    assert document.source("load") == before[1]["source"]
    look(desk, "undone", picture)

    run.get_by_role("button", name="Redo").click()
    expect(sidebar.log).to_contain_text("Done again (1 cell)")
    again = document.cells()[position]
    assert (again["id"], again["source"]) == (added["id"], added["source"])
    assert any("image/png" in output.get("data", {}) for output in again["outputs"])
    assert document.source("last") == "len(df)  # mine"
    expect(document.cell(added["id"]).locator(".jp-OutputArea img")).to_be_visible()


def test_a_cell_goes_where_it_was_meant_whatever_moved_meanwhile(
    lab: Lab, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(lab, load=True)
    sidebar, document = desk.sidebar, desk.document
    document.activate("load")
    sidebar.ask(QUESTION)
    rejected = sidebar.cards.last
    before = document.cells()
    rejected.get_by_role("button", name="Reject").click()
    expect(rejected).to_contain_text("rejected")
    assert document.cells() == before

    sidebar.ask(QUESTION)
    card = sidebar.cards.last
    document.insert(0, "above", "1 + 1")
    card.get_by_role("button", name="Accept", exact=True).click()
    expect(card).to_contain_text("accepted")
    ids = document.ids()
    assert ids[:3] == ["above", "intro", "load"]
    assert ids[4:] == ["last"]
    assert document.cells()[3]["outputs"] == []

    document.activate("load")
    sidebar.ask(QUESTION)
    card = sidebar.cards.last
    (lab.root / "other.ipynb").write_text((lab.root / document.path).read_text())
    other = type(document)(desk.page, "other.ipynb")
    other.open()
    untouched = other.cells()
    card.get_by_role("button", name="Accept", exact=True).click()
    expect(card).to_contain_text("accepted")
    assert other.cells() == untouched
    assert document.ids()[:3] == ["above", "intro", "load"]
    assert len(document.ids()) == 6


def test_two_tabs_on_one_notebook_take_an_accept_once(lab: Lab, open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(lab, load=True)
    second = desk.page.context.new_page()
    second.goto(lab.address(desk.document.path).replace("/lab/tree", "/lab/workspaces/second/tree"))
    second.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    there = type(desk.document)(second, desk.document.path)
    there.open()
    mirror = type(desk.sidebar)(second)
    mirror.open()
    desk.page.bring_to_front()
    desk.sidebar.ask(QUESTION)
    expect(mirror.cards).to_have_count(1)
    buttons = [bar.cards.get_by_role("button", name="Accept", exact=True) for bar in (desk.sidebar, mirror)]
    for button in buttons:
        button.evaluate("button => void setTimeout(() => button.click())")
    for bar in (desk.sidebar, mirror):
        expect(bar.cards).to_contain_text("accepted")
    counts = sorted(len(document.ids()) for document in (desk.document, there))
    assert counts == [3, 4]
    second.close()
