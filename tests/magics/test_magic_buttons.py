"""Buttons under proposals, in real kernels: what a click does, and what is there without widgets."""

from __future__ import annotations

from pathlib import Path

from tests.magics.live_kernels import MODEL, OFFLINE, Kernel, Ran, insert, kernel, number
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

WIDGET = "application/vnd.jupyter.widget-view+json"


def write(path: str, content: str) -> Turn:
    return Turn(text="A file.", calls=(Call("write_file", {"path": path, "content": content}),))


def labels(ran: Ran) -> list[str]:
    return [
        state["description"] for state in ran.widgets.values() if state.get("_model_name") == "ButtonModel"
    ]


def buttons(ran: Ran) -> list[dict[str, str]]:
    return [each["data"] for each in ran.outputs if WIDGET in each.get("data", {})]


def test_a_file_is_written_at_a_click_and_the_buttons_go(
    live: Kernel, models: ModelServer, work: Path
) -> None:
    models.play(write("made.txt", "hello\n"), Turn(text="done"))
    asked = live.run(f"%codemad {MODEL} write it")
    assert labels(asked) == ["Apply", "Reject"]
    (shown,) = buttons(asked)
    assert f"%codemad apply {number(asked)}" in shown["text/plain"]
    assert f"%codemad apply {number(asked)}" in shown["text/html"]

    clicked = live.click(asked, "Apply")

    drawn = [data["text/plain"] for _, data in clicked.updates]
    assert any("Applied." in text for text in drawn)
    assert drawn[-1] == ""  # the buttons are gone
    assert "Edits that wait: none" in live.run("%codemad status").text
    assert live.run("print(open('made.txt').read())").text.strip() == "hello"


def test_a_cell_is_run_in_place_at_a_click(live: Kernel, models: ModelServer) -> None:
    models.play(insert("clicked = 6 * 7"), Turn(text="done"))
    asked = live.run(f"%codemad {MODEL} compute it")
    assert labels(asked) == ["Apply and run", "Reject"]
    live.click(asked, "Apply and run")
    assert live.run("print(clicked)").text.strip() == "42"


def test_rejecting_all_at_once(live: Kernel, models: ModelServer) -> None:
    two = Turn(
        text="Two.",
        calls=(
            Call("write_file", {"path": "one.txt", "content": "1"}),
            Call("write_file", {"path": "two.txt", "content": "2"}),
        ),
    )
    models.play(two, Turn(text="done"))
    asked = live.run(f"%codemad {MODEL} two files")
    assert labels(asked) == ["Apply", "Reject", "Apply", "Reject", "Apply: all", "Reject: all"]
    live.click(asked, "Reject: all")
    assert "Edits that wait: none" in live.run("%codemad status").text
    assert live.run("import os; print(os.path.exists('one.txt'))").text.strip() == "False"


def test_a_click_that_comes_too_late_says_so(live: Kernel, models: ModelServer) -> None:
    models.play(write("late.txt", "a"), Turn(text="done"))
    asked = live.run(f"%codemad {MODEL} write it")
    live.run("open('late.txt', 'w').write('mine')")
    clicked = live.click(asked, "Apply")
    assert any("Not applied" in data["text/plain"] for _, data in clicked.updates)
    assert live.run("print(open('late.txt').read())").text.strip() == "mine"


def test_the_subcommand_takes_the_buttons_away(live: Kernel, models: ModelServer) -> None:
    models.play(write("typed.txt", "a"), Turn(text="done"))
    live.run(f"%codemad {MODEL} write it")
    typed = live.run("%codemad reject")
    assert [data for _, data in typed.updates][-1] == {"text/plain": ""}


def test_nobody_there_no_widgets(work: Path) -> None:
    with (
        ModelServer() as models,
        kernel(work, {**OFFLINE, "CODEMAD_COMPATIBLE_BASE_URL": models.openai_url}) as started,
    ):
        started.run("%load_ext codemad_jupyter", person=False)
        models.play(write("made.txt", "hello\n"), Turn(text="done"))
        ran = started.run(f"%codemad {MODEL} write it", person=False)
        assert ran.reply["status"] == "ok"
        assert not ran.widgets
        assert not buttons(ran)
