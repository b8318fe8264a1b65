"""`codemad ask`, `doctor` and `models` as processes: streams, exit codes, proposals, signals."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.protocol.events import EVENT
from tests.magics.live_kernels import kernel
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import LIMIT

CODEMAD = [sys.executable, "-m", "codemad_jupyter.batch.cli"]
MODEL = ("--model", "compatible/scripted")


def environment(folder: Path, **more: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return {**own, "CODEMAD_MODEL": "codemad/offline", "CODEMAD_DATA_DIR": f"{folder}-data", **more}


def codemad(*arguments: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command = [*CODEMAD, *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=environment(cwd, **more), capture_output=True, text=True, timeout=LIMIT
    )


@pytest.fixture
def scripted(model_server: ModelServer) -> dict[str, str]:
    return {"CODEMAD_COMPATIBLE_BASE_URL": model_server.openai_url}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def notebook(path: Path, *sources: str) -> Path:
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"cell-{n}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for n, source in enumerate(sources)
    ]
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    path.write_text(
        json.dumps({"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5})
    )
    return path


def sources(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]


def test_an_answer_in_text(work: Path, model_server: ModelServer, scripted: dict[str, str]) -> None:
    model_server.play(Turn(text="Forty-two\x1b]52;c;aGk=\x07."))
    done = codemad("ask", "what is it", *MODEL, cwd=work, **scripted)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Forty-two.\n", "")


def test_events_as_json_lines(work: Path, model_server: ModelServer, scripted: dict[str, str]) -> None:
    model_server.play(Turn(text="Forty-two."))
    done = codemad("ask", "what is it", "--json", *MODEL, cwd=work, **scripted)
    events = [EVENT.validate_json(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert "run_started" in [event.type for event in events]
    assert events[-1].type == "run_finished"
    assert "Forty-two." in "".join(event.text for event in events if event.type == "text_delta")


def test_a_question_from_stdin(work: Path, model_server: ModelServer, scripted: dict[str, str]) -> None:
    model_server.play(Turn(text="Read."))
    done = subprocess.run(
        [*CODEMAD, "ask", "-", *MODEL],
        input="a question\nin two lines",
        cwd=work,
        env=environment(work, **scripted),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "Read.\n")
    assert "in two lines" in model_server.asked[0].last_text


def test_a_failing_model_is_exit_one(work: Path, model_server: ModelServer, scripted: dict[str, str]) -> None:
    model_server.play(Turn(status=401, error="authentication_error"))
    done = codemad("ask", "hello", *MODEL, cwd=work, **scripted)
    assert done.returncode == 1
    assert "key" in done.stderr.lower()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("ask", ""), "empty"),
        (("ask", "hi", "--model", "nowhere/x"), "nowhere"),
        (("ask", "hi", "--notebook", "missing.ipynb"), "does not exist"),
        (("ask", "hi", "--kernel-file", "missing.json"), "does not exist"),
        (("ask", "hi", "--execute-notebook"), "--notebook"),
    ],
)
def test_what_makes_no_sense_is_exit_two(work: Path, arguments: tuple[str, ...], part: str) -> None:
    done = codemad(*arguments, cwd=work)
    assert done.returncode == 2
    assert part in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_proposals_are_shown_and_applied_only_when_told_to(
    work: Path, model_server: ModelServer, scripted: dict[str, str]
) -> None:
    path = notebook(work / "n.ipynb", "x = 1")
    before = path.read_bytes()
    proposal = Turn(calls=(Call("insert_cell", {"source": "y = 2", "after": "cell-0"}),))
    model_server.play(proposal, Turn(text="Done."), proposal, Turn(text="Done."))
    shown = codemad("ask", "add y", "--notebook", path, *MODEL, cwd=work, **scripted)
    assert shown.returncode == 0
    assert "+y = 2" in shown.stdout
    assert path.read_bytes() == before
    applied = codemad("ask", "add y", "--notebook", "n.ipynb", "--apply", *MODEL, cwd=work, **scripted)
    assert applied.returncode == 0
    assert sources(path) == ["x = 1", "y = 2"]


def test_variables_are_live_after_the_notebook_was_executed(work: Path) -> None:
    path = notebook(
        work / "n.ipynb", "import os\nspecial_number = 41", "keys = [k for k in os.environ if 'KEY' in k]"
    )
    before = path.read_bytes()
    arguments = ("ask", "what variables do I have", "--notebook", path, "--execute-notebook")
    done = codemad(*arguments, cwd=work, ANTHROPIC_API_KEY="canary")
    assert done.returncode == 0, done.stderr
    assert "special_number" in done.stdout
    assert path.read_bytes() == before


def test_a_running_kernel_can_be_asked_about(work: Path) -> None:
    with kernel(work) as live:
        live.run("very_special = 7")
        assert live.manager is not None
        file = live.manager.connection_file
        done = codemad("ask", "what variables do I have", "--kernel-file", file, cwd=work)
        assert done.returncode == 0, done.stderr
        assert "very_special" in done.stdout
        assert live.run("very_special").text == "7"


def test_nobody_approves_and_the_exit_code_says_so(
    work: Path, model_server: ModelServer, scripted: dict[str, str]
) -> None:
    path = notebook(work / "n.ipynb", "x = 1")
    mark = work / "mark"
    code = f"open({str(mark)!r}, 'w').close()"
    model_server.play(Turn(calls=(Call("run_code", {"code": code}),)), Turn(text="I could not."))
    arguments = ("ask", "run it", "--notebook", path, "--execute-notebook", *MODEL)
    done = codemad(*arguments, cwd=work, **scripted)
    assert done.returncode == 1
    assert "run_code" in done.stderr
    assert not mark.exists()


@pytest.mark.parametrize("turn", [Turn(hang=True), Turn(text="word " * 4000, delay=0.05)])
def test_an_interrupt_cancels(
    work: Path, model_server: ModelServer, scripted: dict[str, str], turn: Turn
) -> None:
    model_server.play(turn)
    process = subprocess.Popen(
        [*CODEMAD, "ask", "talk", *MODEL],
        cwd=work,
        env=environment(work, **scripted),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert model_server.wait_for(lambda server: len(server.asked) > 0)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert "cancelled" in errors
    assert "Traceback" not in errors


def test_doctor_says_what_works(work: Path) -> None:
    done = codemad("doctor", "--json", cwd=work)
    report = json.loads(done.stdout)
    states = {check["name"]: check["state"] for check in report["checks"]}
    assert done.returncode == 0, done.stdout
    assert set(states) >= {
        "python",
        "server extension",
        "git",
        "magics",
        "kernelspec",
        "models",
        "store",
        "search",
        "sandbox",
    }
    assert states["git"] == states["magics"] == states["models"] == "ok"
    text = codemad("doctor", cwd=work)
    for name in states:
        assert f" {name} " in text.stdout
    assert "codemad/offline" in text.stdout


def test_doctor_on_a_machine_that_lacks_things(work: Path) -> None:
    empty = work / "empty"
    empty.mkdir()
    done = codemad("doctor", "--json", cwd=work, PATH=str(empty), OPENAI_API_KEY="sk-canary-0123456789")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["git"]["state"] == "warning"
    assert "Install git" in checks["git"]["hint"]
    assert "canary" not in done.stdout
    assert "openai" in checks["models"]["detail"]


def test_doctor_works_with_settings_that_do_not(work: Path) -> None:
    done = codemad("doctor", "--json", cwd=work, CODEMAD_TIMEOUT="soon")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["settings"]["state"] == "warning"
    assert "timeout" in checks["settings"]["detail"]
    asked = codemad("ask", "hi", cwd=work, CODEMAD_TIMEOUT="soon")
    assert asked.returncode == 2
    assert "timeout" in asked.stderr


def test_doctor_names_who_holds_the_store(work: Path) -> None:
    with kernel(work, {"CODEMAD_DATA_DIR": f"{work}-data"}) as live:
        live.run("%load_ext codemad_jupyter")
        live.run("%codemad what variables do I have")
        pid = live.run("import os; os.getpid()").text
        checks = json.loads(codemad("doctor", "--json", cwd=work).stdout)["checks"]
    store = next(check for check in checks if check["name"] == "store")
    assert pid in store["detail"]


def test_models_are_listed_with_what_they_lack(work: Path) -> None:
    text = codemad("models", cwd=work).stdout
    assert "\n* codemad/offline" in text
    assert "ANTHROPIC_API_KEY" in text
    listed = json.loads(codemad("models", "--json", cwd=work).stdout)
    assert listed["default"] == "codemad/offline"
    assert any(not model["ready"] and model["why"] for model in listed["models"])


def test_what_would_be_sent_is_shown_and_nothing_is(
    work: Path, model_server: ModelServer, scripted: dict[str, str]
) -> None:
    notebook(work / "n.ipynb", "key = 'sk-proj-Zx81kQmT4vBn7Lw02RsYpE6uHd9JcAf3'")
    shown = codemad("context", "what is it", "--notebook", "n.ipynb", *MODEL, cwd=work, **scripted)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "it leaves this machine" in shown.stdout
    assert "1 masked" in shown.stdout
    assert "sk-proj" not in shown.stdout
    told = codemad("context", "what is it", "--notebook", "n.ipynb", "--json", *MODEL, cwd=work, **scripted)
    preview = json.loads(told.stdout)
    assert preview["parts"][-1] == {
        "name": "prompt", "text": "what is it", "tokens": 3, "truncated": False, "masked": 0, "left_out": []
    }  # fmt: skip
    assert model_server.asked == []
