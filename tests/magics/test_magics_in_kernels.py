"""The magics in real kernels that no server answers: shown, applied, refused, cancelled."""

import time
from pathlib import Path

import pytest

from codemad_jupyter.magics.canvas import PERIOD
from tests.magics.live_kernels import MODEL, OFFLINE, Kernel, insert, kernel, number
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

LOAD = "import pandas as pd\ndf = pd.DataFrame({'size': [1.0, 2, 3, 4], 'kind': ['a', 'b', 'a', 'b']})"


def test_questions_proposals_and_settling(live: Kernel) -> None:
    live.run(LOAD)
    asked = live.run("%%codemad\nwhat variables do I have")
    assert "`df`" in asked.text
    assert asked.kinds() == [["text/markdown", "text/plain"]]

    plotted = live.run("%codemad plot the size by kind")
    assert ["text/html", "text/markdown", "text/plain"] in plotted.kinds()
    assert f"Waiting: %codemad apply {number(plotted)}" in plotted.text
    assert live.next_inputs(plotted) == []

    applied = live.run("%codemad apply")
    assert f"Edit {number(plotted)}: applied." in applied.text
    (source,) = live.next_inputs(applied)
    assert "df" in source
    assert live.run("%codemad apply").error.startswith("\x1b[31mNotFound: No edit waits.")

    profiled = number(live.run("%codemad profile df"))
    assert f"Edit {profiled}: rejected." in live.run(f"%codemad reject {profiled}").text
    assert "There is no edit 999" in live.run("%codemad apply 999").error
    status = live.run("%codemad status").text
    assert "inside this process" in status
    assert "Edits that wait: none" in status
    assert "this folder has no index yet" in live.run("%codemad index").text


def test_slips_are_short_and_fail_the_cell(live: Kernel) -> None:
    for line, part in (
        ("%codemad statsu", "Did you mean status"),
        ("%codemad --modle x hi", "Did you mean --model"),
        ("%%codemad --modle x\nhi", "Did you mean --model"),
        ("%%codemad\n \n", "Nothing was asked"),
        ("%codemad -m nowhere/x hi", "nowhere"),
        ("%codemad models use codemad/onfline", "codemad/offline"),
        ("%codemad undo", ""),
    ):
        ran = live.run(line)
        assert ran.reply["status"] == "error", line
        assert part in ran.error
        assert "Traceback" not in ran.error
        assert "File " not in ran.error
    assert live.run("%codemad help").text.count("%codemad") >= 3
    assert "apply [EDIT]" in live.run("%codemad help apply").text


def test_a_question_that_ipython_takes_for_its_own_help(live: Kernel) -> None:
    for cell in ("%codemad what do I have?", "x = 1\n%codemad what do I have? "):
        assert "%codemad was not asked" in live.run(cell).text
    for cell in ("%%codemad\nhelp?", "print('%codemad what?')", "%codemad help"):
        assert "was not asked" not in live.run(cell).text


def test_fix_undo_new_and_models(live: Kernel) -> None:
    live.run("x = [1, 2]")
    live.run("print(x[5])")
    fixed = live.run("%codemad fix")
    assert "IndexError" in fixed.text
    assert "A fresh session" in live.run("%codemad new").text
    assert "codemad/offline" in live.run("%codemad models").text
    assert "codemad/offline" in live.run("%codemad models use codemad/offline").text


def test_streaming_updates_one_display_at_a_measured_pace(live: Kernel, models: ModelServer) -> None:
    words = " ".join(f"word{n}" for n in range(60))
    models.play(Turn(text=words, chunk=8, delay=0.02))
    began = time.monotonic()
    ran = live.run(f"%%codemad {MODEL}\ntalk")
    took = time.monotonic() - began
    assert ran.kinds() == [["text/markdown", "text/plain"]]
    assert words in ran.text
    assert 1 < len(ran.updates) <= took / PERIOD + 2


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_person_is_asked_before_code_runs(live: Kernel, models: ModelServer, answer: str) -> None:
    models.play(Turn(calls=(Call("run_code", {"code": "ran = 'here'\nprint(ran)"}),)), Turn(text="Finished."))
    ran = live.run(f"%codemad {MODEL} run it", answer=answer)
    assert ran.reply["status"] == "ok"
    assert ("Allowed" if answer == "y" else "Not allowed") in ran.text
    assert ("ran" in live.run("dir()").text) is (answer == "y")


def test_an_interrupt_cancels(live: Kernel, models: ModelServer) -> None:
    models.play(Turn(text="Once upon a time " * 400, delay=0.05))
    assert live.manager is not None
    request = live.send(f"%%codemad {MODEL}\ntell a story")
    ran = live.finish(request, at=("Once upon a time", live.manager.interrupt_kernel))
    assert ran.reply["status"] == "error"
    assert "Cancelled." in ran.error
    assert "Traceback" not in ran.error
    assert "Once upon a time" in ran.text
    assert live.run("1 + 1").text == "2"


def test_a_silent_model_can_be_interrupted_too(live: Kernel, models: ModelServer) -> None:
    models.play(Turn(hang=True))
    before = len(models.asked)
    request = live.send(f"%%codemad {MODEL}\nhello")
    models.wait_for(lambda server: len(server.asked) > before)
    assert live.manager is not None
    live.manager.interrupt_kernel()
    assert "Cancelled." in live.finish(request).error


def test_a_failing_model_fails_the_cell_in_a_sentence(live: Kernel, models: ModelServer) -> None:
    models.play(Turn(status=401, error="authentication_error"))
    ran = live.run(f"%%codemad {MODEL}\nhello")
    assert ran.reply["status"] == "error"
    assert "Traceback" not in ran.error
    assert "key" in ran.error.lower()


def test_a_prompt_of_a_megabyte(work: Path) -> None:
    with kernel(work, OFFLINE) as live:
        live.run("%load_ext codemad_jupyter")
        ran = live.run("%%codemad\nwhat variables do I have " + "x" * 999_000, history=False)
        assert ran.reply["status"] == "ok"
        too_long = live.run("%%codemad\n" + "x" * 1_100_000, history=False)
        assert "1,000,000" in too_long.error


def test_only_new_cells_can_be_applied_from_a_kernel_alone(live: Kernel, models: ModelServer) -> None:
    count = live.run("y = 1").reply["execution_count"]
    models.play(
        Turn(calls=(Call("replace_cell", {"cell": f"in-{count}", "source": "y = 2"}),)), Turn(text="Done.")
    )
    assert "change the cell that begins with 'y = 1'" in live.run(f"%codemad {MODEL} change y").text
    refused = live.run("%codemad apply")
    assert refused.reply["status"] == "error"
    assert "open the notebook in JupyterLab" in refused.error


def test_several_new_cells_become_one_next_input(live: Kernel, models: ModelServer) -> None:
    both = (
        Call("insert_cell", {"source": "a = 1"}),
        Call("insert_cell", {"source": "# Title", "cell_type": "markdown"}),
    )
    models.play(Turn(calls=both), Turn(text="Done."))
    live.run(f"%codemad {MODEL} two cells")
    assert live.next_inputs(live.run("%codemad apply")) == ["a = 1\n\n%%markdown\n# Title"]


def test_apply_and_run_at_once(live: Kernel, models: ModelServer) -> None:
    models.play(insert("z = 41 + 1\nprint('z is', z)"), Turn(text="Done."))
    edit = number(live.run(f"%codemad {MODEL} compute it"))
    ran = live.run(f"%codemad apply {edit} --run")
    assert "z is 42" in ran.text
    assert live.run("z").text == "42"


def test_hostile_text_is_shown_inert(live: Kernel, models: ModelServer) -> None:
    hostile = "<img src=x onerror=alert(1)> \x1b]52;c;aGk=\x07 ![i](http://127.0.0.1:9/leak)"
    models.play(Turn(text=hostile, calls=(Call("insert_cell", {"source": "1", "title": hostile}),)))
    models.play(Turn(text="Done."))
    ran = live.run(f"%codemad {MODEL} hi")
    bundles = [output["data"] for output in ran.outputs if "data" in output]
    assert "\x1b" not in "".join(
        text for bundle in bundles for text in bundle.values() if isinstance(text, str)
    )
    assert "<img" not in "".join(bundle.get("text/html", "") + bundle["text/markdown"] for bundle in bundles)
    assert "![" not in "".join(bundle["text/markdown"] for bundle in bundles)


def test_unload_takes_the_magics_away_and_load_brings_them_back(live: Kernel) -> None:
    live.run("%codemad status")
    assert live.run("%unload_ext codemad_jupyter").reply["status"] == "ok"
    assert "not found" in live.run("%codemad status").text
    live.run("%load_ext codemad_jupyter")
    assert "inside this process" in live.run("%codemad status").text


def test_a_new_kernel_asks_in_a_fresh_session(work: Path) -> None:
    for _ in range(2):
        with kernel(work) as live:
            live.run("%load_ext codemad_jupyter")
            assert "Traceback" not in live.run("%codemad what variables do I have").error


def test_the_codemad_kernel_has_the_magics_at_once(work: Path) -> None:
    with kernel(work, name="codemad") as live:
        assert "Engine" in live.run("%codemad status").text


def test_what_is_sent_can_be_seen_and_lowered(work: Path, model_server: ModelServer) -> None:
    with kernel(work, {"CODEMAD_COMPATIBLE_BASE_URL": model_server.openai_url}) as live:
        live.run("%load_ext codemad_jupyter")
        live.run("people = ['Aure' + 'lia']")
        shown = live.run("%codemad context who is there")
        assert "Data level: outputs" in shown.text
        assert "people: list" in shown.text
        assert "Aurelia" in shown.text
        assert "── prompt (3 tokens)\nwho is there" in shown.text
        assert "From now on at most schema" in live.run("%codemad level schema").text
        assert "Data level: schema." in live.run("%codemad level").text
        assert "There is no data level 'everything'" in live.run("%codemad level everything").error
        model_server.play(Turn(text="Nobody."))
        asked = live.run(f"%codemad {MODEL} who is in @people")
        assert "Nobody." in asked.text
        sent = str(model_server.asked[-1].body)
        assert "people: list" in sent
        assert "Aurelia" not in sent
