"""The magics where nobody can be asked: policies, refusals, and notebooks known by their path."""

import json
from pathlib import Path

import pytest

from tests.magics.live_kernels import MODEL, Kernel, Ran, insert, kernel
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import wait_until


def headless(live: Kernel, code: str) -> Ran:
    return live.run(code, person=False)


def test_headless_proposes_and_waits_for_nobody(live: Kernel, models: ModelServer) -> None:
    models.play(insert("made = 1"), Turn(text="Done."))
    ran = headless(live, f"%%codemad {MODEL}\nmake it")
    assert ran.reply["status"] == "ok"
    assert "Proposed; nothing was changed." in ran.text
    assert "made" not in live.run("dir()").text
    models.play(Turn(calls=(Call("run_code", {"code": "made = 1"}),)), Turn(text="I could not."))
    denied = headless(live, f"%%codemad {MODEL}\nrun it")
    assert denied.reply["status"] == "error"
    assert "run_code" in denied.error
    assert "CODEMAD_POLICY=auto" in denied.error
    assert "made" not in live.run("dir()").text


@pytest.mark.parametrize("policy", ["auto", "off", "sometimes"])
def test_headless_policies(work: Path, model_server: ModelServer, policy: str) -> None:
    variables = {"CODEMAD_COMPATIBLE_BASE_URL": model_server.openai_url, "CODEMAD_POLICY": policy}
    with kernel(work, {**variables, "CODEMAD_HEADLESS": "1"}) as live:
        live.run("%load_ext codemad_jupyter")
        model_server.play(insert("made = 6 * 7\nprint('made', made)"), Turn(text="Done."))
        ran = live.run(f"%%codemad {MODEL}\nmake it")
        if policy == "auto":
            assert "Applied." in ran.text
            assert "made 42" in ran.text
            assert live.run("made").text == "42"
            model_server.play(insert("1 / 0"), Turn(text="Done."))
            failed = live.run(f"%%codemad {MODEL}\nfail")
            assert failed.reply["status"] == "error"
        elif policy == "off":
            assert "switched off" in ran.text
            assert model_server.asked == []
        else:
            assert "It is one of off, propose, auto." in ran.error


def a_notebook(path: Path) -> Path:
    cell = {"cell_type": "code", "id": "only", "metadata": {}, "execution_count": None, "outputs": []}
    cells = [{**cell, "source": ["here = 1"]}]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.mark.parametrize("person", [True, False])
def test_where_the_notebook_is_known(work: Path, model_server: ModelServer, person: bool) -> None:
    path = a_notebook(work / "known.ipynb")
    variables = {
        "CODEMAD_COMPATIBLE_BASE_URL": model_server.openai_url,
        "JPY_SESSION_NAME": str(path),
        "CODEMAD_POLICY": "auto",
    }
    proposal = Call("insert_cell", {"source": "new = 'is ' + 'in'\nprint(new)", "after": "only"})
    model_server.play(Turn(calls=(proposal,)), Turn(text="Done."))
    with kernel(work, variables) as live:
        live.run("%load_ext codemad_jupyter")
        ran = live.run(f"%%codemad {MODEL}\nadd it", person=person, cell="only")
        sent = json.dumps(model_server.asked[0].body)
        assert "here = 1" in sent
        sources = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]
        if person:
            assert sources == ["here = 1"], "an open document is the front end's to change"
            assert "new = " in live.next_inputs(live.run("%codemad apply"))[0]
        else:
            assert sources == ["here = 1", "new = 'is ' + 'in'\nprint(new)"]
            assert "is in" in ran.text


@pytest.mark.parametrize("endless", ["time.sleep(600)", "while True: pass"])
def test_an_interrupt_of_running_code_ends_the_run(
    work: Path, model_server: ModelServer, endless: str
) -> None:
    variables = {"CODEMAD_COMPATIBLE_BASE_URL": model_server.openai_url, "CODEMAD_POLICY": "auto"}
    code = f"import time\nopen('begun', 'w').close()\n{endless}"
    model_server.play(Turn(calls=(Call("run_code", {"code": code}),)), Turn(text="Going on."))
    with kernel(work, variables) as live:
        live.run("%load_ext codemad_jupyter")
        request = live.send(f"%codemad {MODEL} run it", person=False)
        wait_until((work / "begun").exists, "the code")
        assert live.manager is not None
        live.manager.interrupt_kernel()
        ran = live.finish(request)
        assert ran.reply["status"] == "error"
        assert "Going on." not in ran.text
        assert live.run("1 + 1").text == "2"
