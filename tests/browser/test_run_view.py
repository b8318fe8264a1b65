"""The run view under a person's hands: three agents at work, one stopped and one told something; then the
work of two in folders of their own looked at, brought together where it clashes, reviewed and dropped."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.browser.sidebar import themes
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

FILES = "Find which files load the table"
SAFE = "Is any secret written into the notebooks?"
SLOW = "Read every module and say what is slow"
TASKS = (("analyst", FILES), ("security", SAFE), ("architect", SLOW))
HOSTILE = "<img src=x onerror=alert(1)>\u202ereversed"
MODULE = 'RATE = 1\n\n\ndef mean(values):\n    return sum(values) / len(values)\n\n\nNAME = "plain"\n'


def agents(lab: Lab, *words: str) -> str:
    """`codemad agents` as a person types it, beside the server that serves the folder."""
    folder = lab.root.parent
    own = {"CODEMAD_DATA_DIR": str(folder / "codemad"), "JUPYTER_RUNTIME_DIR": str(folder / "runtime")}
    done = subprocess.run(
        [sys.executable, "-m", "codemad_jupyter.batch.cli", "agents", *words],
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
        cwd=lab.root,
        env={**os.environ, **own},
    )
    return done.stdout


def at_work(lab: Lab, name: str, task: str, **changes: str) -> None:
    """An agent that has changed files in a folder of its own: ``m_py="…"``."""
    folder = Path(agents(lab, "new", name, "--task", task).splitlines()[0].rpartition(" ")[2])
    for key, content in changes.items():
        (folder / key.replace("_", ".")).write_text(content)


def opened(desk: Desk) -> Locator:
    desk.sidebar.panel.get_by_role("button", name="Run and agents", exact=True).click()
    return desk.sidebar.panel.get_by_role("region", name="Run and agents")


def dialog(desk: Desk) -> Locator:
    return desk.page.locator(".jp-Dialog")


def test_agents_are_followed_stopped_and_told_something(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(scripted_lab)
    calls = tuple(Call("delegate", {"task": task, "role": role}) for role, task in TASKS)
    script.play(
        Turn(calls=calls),
        Turn(match=re.escape(FILES), calls=(Call("list_files", {"pattern": "*.ipynb"}),)),
        Turn(match=re.escape(FILES), held_at=0, text=f"Only the notebooks do.\n\n{HOSTILE}"),
        Turn(match=re.escape(SAFE), held_at=0, calls=(Call("list_files", {"pattern": "*"}),)),
        Turn(match=re.escape(SLOW), hang=True),
        Turn(match="Leave the data folder out", text="No secret was found."),
        Turn(match="In two sentences", text="The notebooks load it. No secret was found."),
    )
    desk.sidebar.send("where is the table loaded, is that safe, and what is slow?")
    expect(desk.sidebar.panel.get_by_role("button", name="3 agents at work")).to_be_visible()
    assert script.wait_for(lambda server: len(server.asked) >= 5)
    view = opened(desk)
    row = {role: view.get_by_role("listitem", name=role, exact=True) for role, _ in TASKS}
    for role, task in TASKS:
        expect(row[role]).to_contain_text(task)
        expect(row[role]).to_contain_text("working")
        expect(row[role]).to_contain_text(re.compile(r"\d\ss"))
    expect(row["analyst"]).to_contain_text("1 step")
    expect(row["analyst"]).to_contain_text("List files")
    for theme in themes(desk.page):
        picture(desk.page, theme)
        assert desk.sidebar.violations() == []

    row["architect"].get_by_role("button", name="Stop architect").click()
    expect(row["architect"]).to_contain_text("stopped")
    expect(row["security"]).to_contain_text("working")
    steered = agents(scripted_lab, "steer", "security", "Be", "brief")
    assert steered == "security reads it before its next step.\n"
    row["security"].get_by_role("button", name="Tell security something").focus()
    desk.page.keyboard.press("Enter")
    dialog(desk).get_by_role("textbox").fill("Leave the data folder out")
    desk.page.keyboard.press("Enter")
    desk.sidebar.message.fill("In two sentences")
    desk.sidebar.message.press("Enter")
    expect(desk.sidebar.message).to_have_value("")
    script.go_on()
    expect(row["security"]).to_contain_text("No secret was found.")
    expect(row["analyst"]).to_contain_text("<img src=x onerror=alert(1)>\\u202ereversed")
    expect(view.get_by_role("listitem", name="CodeMAD", exact=True)).to_contain_text("done")

    view.get_by_role("button", name="Back to the conversation").click()
    run = desk.sidebar.finished(desk.sidebar.runs.last)
    expect(run).to_contain_text("The notebooks load it. No secret was found.")
    said = run.get_by_role("note", name="You said")
    expect(said).to_have_count(3)
    expect(said.first).to_contain_text("to security")
    expect(run.get_by_role("button", name="3 agents worked on it")).to_be_visible()

    desk.page.reload()
    desk.sidebar.open()
    view = opened(desk)
    expect(view.get_by_role("listitem", name="architect", exact=True)).to_contain_text("stopped")
    expect(view.get_by_role("listitem", name="analyst", exact=True)).to_contain_text("2 steps")


def test_work_that_clashes_is_looked_at_brought_together_and_dropped(
    scripted_lab: Lab, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    lab, module = scripted_lab, scripted_lab.root / "shared.py"
    desk = open_desk(lab)
    module.write_text(MODULE)
    fast = MODULE.replace("RATE = 1", "RATE = 2").replace('"plain"', '"fast"')
    at_work(lab, "coder", f"Make it faster {HOSTILE}", shared_py=fast)
    at_work(
        lab, "tester", "Test it", shared_py=MODULE.replace("RATE = 1", "RATE = 3"), test_py="assert True\n"
    )
    view = opened(desk)
    tabs = view.get_by_role("tab")
    expect(tabs).to_have_count(3)
    tabs.first.focus()
    desk.page.keyboard.press("ArrowRight")
    expect(tabs.nth(1)).to_be_focused()
    work = view.get_by_role("region", name="The work of coder")
    expect(work).to_contain_text("+RATE = 2")
    expect(work).to_contain_text("<img src=x onerror=alert(1)>\\u202ereversed")
    for theme in themes(desk.page):
        picture(desk.page, f"folder-{theme}")
        assert desk.sidebar.violations() == []

    tabs.first.click()
    joining = view.get_by_role("region", name="Work in folders")
    joining.get_by_role("checkbox", name="coder").check()
    joining.get_by_role("checkbox", name="tester").check()
    joining.get_by_role("button", name="Merge…").click()
    clashes = joining.get_by_role("list", name="What clashes")
    expect(clashes).to_contain_text("shared.py by tester")
    for theme in themes(desk.page):
        picture(desk.page, f"merge-{theme}")
        assert desk.sidebar.violations() == []
    joining.get_by_role("button", name="Propose for review").click()

    run = desk.sidebar.finished(desk.sidebar.runs.last)
    expect(run).to_contain_text("Merge the work of coder, tester")
    expect(run).to_contain_text("Left out of the work of tester")
    for theme in themes(desk.page):
        picture(desk.page, f"review-{theme}")
    assert module.read_text() == MODULE
    for card, button in (("Change file shared.py", "Accept all changes"), ("New file test.py", "Accept")):
        shown = run.get_by_role("region", name=card)
        shown.get_by_role("button", name=button, exact=True).click()
        expect(shown.locator(".codemad-card-header")).to_contain_text("accepted")
    assert module.read_text() == fast

    view = opened(desk)
    view.get_by_role("tab", name="tester").click()
    view.get_by_role("button", name="Drop…").click()
    dialog(desk).get_by_role("button", name="Drop", exact=True).click()
    expect(dialog(desk)).to_contain_text("would be lost")
    dialog(desk).get_by_role("button", name="Drop all the same").click()
    expect(view.get_by_role("tab")).to_have_count(2)
    view.get_by_role("tab", name="coder").click()
    view.get_by_role("button", name="Drop…").click()
    dialog(desk).get_by_role("button", name="Drop", exact=True).click()
    expect(view.get_by_role("tab")).to_have_count(0)
    assert "No agent has a folder here" in agents(lab, "list")
