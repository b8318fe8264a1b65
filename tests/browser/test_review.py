"""Proposals under a person's eyes: stale ones, single changes, approvals, and a person's own typing."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.browser.reviewing import Review, proposing, replacing
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

CELLS = (("markdown", "intro", "# Numbers"), ("code", "last", "total = 1"), ("code", "end", "total"))
SOURCE = "def area(r):\n    return 3 * r * r\n\n\ndef name():\n    return 'x'\n"


def test_a_stale_change_is_refused_with_its_reason(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    script.play(*proposing(replacing("last", "total = 2")))
    run = desk.sidebar.ask("make it two")
    card = desk.sidebar.cards
    expect(card).to_contain_text("Change cell")
    desk.document.type_into("last", "0")
    card.get_by_role("button", name="Accept", exact=True).click()
    expect(card.locator(".codemad-edit-detail")).to_contain_text("changed since it was read")
    expect(card.get_by_role("button", name="Try again")).to_be_enabled()
    assert desk.document.source("last") == "total = 10"
    assert desk.sidebar.violations() == []
    card.get_by_role("button", name="Reject").click()
    expect(card).to_contain_text("rejected")
    expect(run.get_by_role("button", name="Undo")).to_have_count(0)


def test_a_files_changes_are_settled_one_by_one_and_undone(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    file = scripted_lab.root / "geometry.py"
    file.write_text(SOURCE)
    desk = open_desk(scripted_lab, CELLS)
    old, new = SOURCE[13:-1], SOURCE[13:-1].replace("3 *", "3.14159 *").replace("'x'", "'circle'")
    script.play(
        Turn(calls=(Call("read_file", {"path": "geometry.py"}),)),
        Turn(calls=(Call("edit_file", {"path": "geometry.py", "old": old, "new": new, "title": "Use pi"}),)),
        Turn(text="Two changes."),
    )
    run = desk.sidebar.ask("use pi and a better name")
    card = desk.sidebar.cards
    expect(card.get_by_role("list", name="Single changes").get_by_role("listitem")).to_have_count(2)
    assert desk.sidebar.violations() == []
    card.get_by_role("button", name="Accept the change at line 2").click()
    expect(card.get_by_role("list", name="Single changes")).to_contain_text("accepted")
    assert file.read_text() == SOURCE.replace("3 *", "3.14159 *")
    card.get_by_role("button", name="Reject the change at line 6").click()
    expect(card).to_contain_text("partly accepted")
    assert file.read_text() == SOURCE.replace("3 *", "3.14159 *")
    run.get_by_role("button", name="Undo").last.click()
    expect(desk.sidebar.log).to_contain_text("Undone (1 file)")
    assert file.read_text() == SOURCE
    run.get_by_role("button", name="Redo").click()
    expect(desk.sidebar.log).to_contain_text("Done again (1 file)")
    assert file.read_text() == SOURCE.replace("3 *", "3.14159 *")


def test_code_runs_only_with_a_yes(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    always = "Always this exact action"
    answers = ((always, "always allowed"), ("Refuse", "refused"))
    for answer, word in answers:
        file = scripted_lab.root / f"{answer}.txt"
        code = f"open('{file.name}', 'w').write('hi')"
        script.play(Turn(calls=(Call("run_code", {"code": code}),)), Turn(text="That was it."))
        run = desk.sidebar.send(f"try {answer}")
        card = run.get_by_role("region", name="Approval: Run code")
        expect(card.get_by_label("What will be done")).to_have_text(code)
        expect(card).to_contain_text("mode ask: no rule allows it")
        expect(run).to_contain_text("Waiting for your answer")
        assert not file.exists()
        assert desk.sidebar.violations() == []
        card.get_by_role("button", name=answer).click()
        desk.sidebar.finished(run)
        expect(card).to_contain_text(word)
        assert file.exists() == (answer != "Refuse")
    expect(run.locator(".codemad-tool")).to_contain_text("denied")

    file = scripted_lab.root / f"{always}.txt"
    file.unlink()
    again = Call("run_code", {"code": f"open('{file.name}', 'w').write('hi')"})
    script.play(Turn(calls=(again,)), Turn(text="That was it."))
    desk.sidebar.finished(desk.sidebar.send("once more"))
    assert file.exists()


def test_unsaved_typing_is_seen_kept_and_never_corrupted_by_either_undo(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab, CELLS)
    document, page = desk.document, desk.page
    typed, wanted = "total = 1  # mine", "total = 41 + 1  # mine"
    document.type_into("last", "  # mine")
    script.play(*proposing(replacing("last", wanted)))
    run = desk.sidebar.ask("count more")
    assert "# mine" in str(script.asked[1].body["messages"])
    desk.sidebar.cards.get_by_role("button", name="Accept", exact=True).click()
    document.wait_for_source("last", wanted)

    document.cell("last").locator(".cm-content").click()
    page.keyboard.press("Control+z")
    document.wait_for_source("last", typed)
    page.keyboard.press("Control+Shift+z")
    document.wait_for_source("last", wanted)
    document.type_into("end", "  # more")
    run.get_by_role("button", name="Undo").last.click()
    expect(desk.sidebar.log).to_contain_text("Undone (1 cell)")
    assert document.source("last") == typed
    assert document.source("end") == "total  # more"

    document.cell("last").locator(".cm-content").click()
    seen = []
    for _ in range(8):
        page.keyboard.press("Control+z")
        seen.append(document.source("last"))
    whole = {typed[:length] for length in range(len("total = 1"), len(typed) + 1)} | {wanted}
    assert set(seen) <= whole
    assert document.source("end") == "total  # more"


def test_who_types_while_a_proposal_is_being_settled_keeps_the_focus(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab, (*CELLS, ("code", "more", "more = 1")))
    review, held = Review(desk.page), list[Route]()
    script.play(*proposing(replacing("last", "total = 2"), replacing("more", "more = 2")))
    desk.sidebar.ask("make it two")
    desk.page.route("**/codemad/commands*", lambda route: held.append(route))
    review.cards.first.get_by_role("button", name="Accept", exact=True).click()
    desk.document.type_into("end", "  # mi")
    held[0].continue_()
    expect(review.cards).to_have_count(1)
    desk.page.keyboard.type("ne, and what follows it", delay=30)
    assert desk.document.source("end") == "total  # mine, and what follows it"
