"""A plan under a person's hands: a completed command, tasks moved and written by keys, then carried out."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

TASKS = [
    {"id": "load", "title": "Load the table", "detail": "Read data.csv into df.", "minutes": 5},
    {"id": "plot", "title": "Plot the mean by group", "needs": ["load"], "minutes": 10},
    {"id": "tell", "title": "Say what stands out", "needs": ["plot"]},
]


def test_a_plan_is_changed_by_keys_approved_and_carried_out(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab, (("code", "last", "total = 1"),))
    sidebar, keyboard = desk.sidebar, desk.sidebar.page.keyboard
    script.play(
        Turn(calls=(Call("plan", {"action": "propose", "goal": "See the groups", "tasks": TASKS}),)),
        Turn(text="Look at the order."),
    )
    sidebar.message.fill("")
    sidebar.message.press_sequentially("/pl")
    expect(sidebar.panel.get_by_role("option")).to_have_count(1)
    keyboard.press("Enter")
    expect(sidebar.message).to_have_value("/plan ")
    sidebar.ask("/plan see the groups")
    card = sidebar.panel.locator(".codemad-plan")
    tasks = card.get_by_role("listitem")
    expect(tasks).to_have_count(3)
    expect(card).to_contain_text("waits for you · about 15 min")
    assert sidebar.violations() == []

    tasks.nth(2).focus()
    keyboard.press("Alt+ArrowUp")
    expect(tasks.nth(1)).to_contain_text("Say what stands out")
    expect(tasks.nth(1)).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("Control+A")
    keyboard.type("Say what matters")
    assert sidebar.violations() == []
    keyboard.press("Enter")
    expect(tasks.nth(1)).to_contain_text("Say what matters")
    card.get_by_role("button", name="Drop task 2").click()
    expect(tasks).to_have_count(2)

    script.play(Turn(text="Loaded."), Turn(text="Plotted."))
    card.get_by_role("button", name="Approve and begin").click()
    run = sidebar.runs.last
    expect(run).to_contain_text("Carry out the plan: See the groups")
    sidebar.finished(run)
    expect(run.locator(".codemad-plan")).to_contain_text("done")
    expect(run.locator(".codemad-task-done")).to_have_count(2)
    expect(sidebar.runs.first).to_contain_text("carried on below")
    assert sidebar.violations() == []
