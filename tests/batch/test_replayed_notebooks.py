"""Notebooks whose models' answers are recorded and replayed: real kernels and stores, no key, no network."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.batch.cli import main
from codemad_jupyter.gateway.cassette import Cassette
from codemad_jupyter.gateway.normal import normalised, sketch
from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.tools.proposals import counted_cell_ids
from tests.batch.test_notebook_runs import CODEMAD, code, codemad, outputs, text_of, write
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

ASK = "%%codemad\n"
DATA = "import pandas as pd\ndf = pd.DataFrame({'x': range(5)})\ndf.to_csv('data.csv')"
NOWHERE = "http://127.0.0.1:9"
"""A proxy that is not there, for every address: what replays must not even ask this machine."""
KEY = "canary-compatible-0f1e2d3c4b"
SHAPED = "sk-ant-api03-" + "aB3dE5fG7h" * 9

NEW = counted_cell_ids()()
"""The id of the first new cell."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "one" / "work"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    made = tmp_path / "another place" / "deep" / "down"
    made.mkdir(parents=True)
    return made


def notebook(folder: Path, *sources: str) -> Path:
    return write(folder / "n.ipynb", *(code(source, f"c{n}") for n, source in enumerate(sources)))


def recorded(server: ModelServer, folder: Path, **environment: str) -> dict[str, str]:
    return {
        "CODEMAD_COMPATIBLE_BASE_URL": server.openai_url,
        "CODEMAD_COMPATIBLE_MODELS": "scripted",
        "CODEMAD_COMPATIBLE_KEY": KEY,
        "CODEMAD_DATA_DIR": str(folder.parent / "data"),
        **environment,
    }


def visiting(folder: Path, **environment: str) -> dict[str, str]:
    """The environment of somebody without key, settings and network."""
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE)
    return {
        **proxies,
        "NO_PROXY": "",
        "no_proxy": "",
        "CODEMAD_DATA_DIR": str(folder / "data"),
        **environment,
    }


def moved(folder: Path, elsewhere: Path) -> Path:
    for name in ("n.ipynb", "n.cassette.jsonl"):
        (elsewhere / name).write_bytes((folder / name).read_bytes())
    return elsewhere / "n.ipynb"


def shown(path: Path) -> str:
    return "\n".join(text_of(output) for cell in outputs(path) for output in cell)


def test_a_replayed_notebook_is_the_recorded_one_to_the_byte(
    folder: Path, elsewhere: Path, model_server: ModelServer
) -> None:
    model_server.play(
        Turn(
            text="I put the mean into a cell.",
            thinking="what is x",
            calls=(Call("insert_cell", {"source": "m = df.x.mean()\nprint('mean', m)"}),),
        ),
        Turn(text=f"It waits as `{NEW}`."),
        Turn(calls=(Call("list_variables"), Call("read_file", {"path": "data.csv"}), Call("read_notebook"))),
        Turn(text=f"`{NEW}` goes.", calls=(Call("delete_cell", {"cell": NEW}),)),
        Turn(text="Now I run it.", calls=(Call("run_code", {"code": "total = int(df.x.sum())\ntotal"}),)),
        Turn(calls=(Call("run_code", {"code": "import os\nprint(os.getcwd())\n1/0"}),)),
        Turn(text="The total is 10."),
        Turn(status=400, error="invalid_request_error", message="too odd"),
    )
    source = notebook(
        folder,
        DATA,
        f"{ASK}add the mean",
        "m",
        f"{ASK}what is the total?",
        "total",
        "try:\n    get_ipython().run_cell_magic('codemad', '', 'odd')\nexcept Exception as e:\n    print(e)",
    )
    environment = recorded(model_server, folder)
    done = codemad(
        "run", source, "-o", "out.ipynb", "--policy", "auto", "--record", "auto", cwd=folder, **environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert model_server.unscripted == 0
    text = shown(folder / "out.ipynb")
    assert "mean 2.0" in text
    assert "The total is 10." in text
    assert f"`{NEW}` goes." in text
    cassette = (folder / "n.cassette.jsonl").read_text()
    assert len(cassette.splitlines()) == 9
    assert KEY not in cassette
    assert NEW not in cassette
    assert str(folder) not in cassette

    copy = moved(folder, elsewhere)
    model_server.forget()
    done = codemad(
        "run", copy, "-o", "out.ipynb", "--policy", "auto", "--replay", "auto", cwd=elsewhere,
        **visiting(elsewhere),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert model_server.requests == []
    theirs = (elsewhere / "out.ipynb").read_text().replace(str(elsewhere), "HERE")
    assert theirs == (folder / "out.ipynb").read_text().replace(str(folder), "HERE")
    assert (elsewhere / "n.cassette.jsonl").read_text() == cassette


def test_drift_fails_with_what_differs(folder: Path, elsewhere: Path, model_server: ModelServer) -> None:
    model_server.play(Turn(text="Five rows."))
    source = notebook(folder, DATA, f"{ASK}how many rows?")
    done = codemad("record", source, cwd=folder, **recorded(model_server, folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder / 'n.cassette.jsonl'}: 1 call recorded.\n"
    assert sorted(each.name for each in folder.iterdir()) == ["data.csv", "n.cassette.jsonl", "n.ipynb"]
    moved(folder, elsewhere)
    copy = notebook(elsewhere, DATA, f"{ASK}how many columns?")
    done = codemad("run", copy, "-o", "out.ipynb", "--replay", "auto", cwd=elsewhere, **visiting(elsewhere))
    assert done.returncode == 1
    assert "message 1 of 1 (user)" in done.stderr
    assert "line 2 of n.cassette.jsonl" in done.stderr


def test_replay_or_ask_asks_and_says_so(folder: Path, model_server: ModelServer) -> None:
    model_server.play(Turn(text="One column."))
    source = notebook(folder, f"{ASK}how many columns?")
    asking = recorded(model_server, folder)
    done = codemad("run", source, "-o", "out.ipynb", "--replay-or-ask", "auto", cwd=folder, **asking)
    assert done.returncode == 0, done.stderr
    assert "One column." in shown(folder / "out.ipynb")
    assert "is asked: no answer is recorded" in shown(folder / "out.ipynb")
    assert len(Cassette(folder / "n.cassette.jsonl")) == 1


def test_secrets_in_prompts_outputs_and_answers(
    folder: Path, elsewhere: Path, model_server: ModelServer
) -> None:
    leak = f"key {SHAPED} and {KEY}."
    model_server.play(
        Turn(text=f"You told me {leak}", calls=(Call("run_code", {"code": f"print('{SHAPED}')"}),), chunk=7),
        Turn(text=f"It printed {leak}", thinking=leak, chunk=7),
    )
    source = notebook(folder, f"token = '{SHAPED}'\nprint(token)", f"{ASK}look at {SHAPED}", "token[:3]")
    run = ("run", source, "-o", "out.ipynb", "--policy", "auto")
    done = codemad(*run, "--record", "auto", cwd=folder, **recorded(model_server, folder))
    assert (done.returncode, done.stderr) == (0, "")
    cassette = (folder / "n.cassette.jsonl").read_text()
    assert [cassette.count(each) for each in (KEY, SHAPED, SHAPED[14:40])] == [0, 0, 0]
    copy = moved(folder, elsewhere)
    done = codemad(
        "run", copy, "-o", "out.ipynb", "--policy", "auto", "--replay", "auto", cwd=elsewhere,
        **visiting(elsewhere),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert (elsewhere / "out.ipynb").read_bytes() == (folder / "out.ipynb").read_bytes()


def test_killed_while_recording_it_keeps_the_calls_before(
    folder: Path, elsewhere: Path, model_server: ModelServer
) -> None:
    model_server.play(Turn(text="First."), Turn(text="Second.", hang=True))
    source = notebook(folder, f"{ASK}one", f"{ASK}two")
    command = [*CODEMAD, "record", str(source)]
    variables = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    variables.update(recorded(model_server, folder))
    process = subprocess.Popen(command, cwd=folder, env=variables, start_new_session=True)
    try:
        assert model_server.wait_for(lambda server: len(server.asked) == 2, seconds=60)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
    copy = moved(folder, elsewhere)
    assert len((folder / "n.cassette.jsonl").read_text().splitlines()) == 2
    done = codemad("run", copy, "-o", "out.ipynb", "--replay", "auto", cwd=elsewhere, **visiting(elsewhere))
    assert done.returncode == 1
    assert "Cell 2 failed" in done.stderr
    assert "First." in shown(elsewhere / "out.ipynb")


def test_ask_records_and_replays(
    folder: Path,
    elsewhere: Path,
    model_server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model_server.play(Turn(text="It is empty."))
    ask = ("ask", "what is here?", "--record", "a.jsonl", "--model", "compatible/scripted")
    done = codemad(*ask, cwd=folder, **recorded(model_server, folder))
    assert (done.returncode, done.stdout) == (0, "It is empty.\n"), done.stderr
    (elsewhere / "a.jsonl").write_bytes((folder / "a.jsonl").read_bytes())
    ask = ("ask", "what is here?", "--replay", "a.jsonl")
    done = codemad(*ask, cwd=elsewhere, **visiting(elsewhere))
    assert (done.returncode, done.stdout) == (0, "It is empty.\n"), done.stderr
    assert "Answered from a.jsonl" in done.stderr
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("CODEMAD_CASSETTE", "a.jsonl")
    monkeypatch.setenv("CODEMAD_CASSETTE_MODE", "replay")
    assert here("models", "--json") == 0
    listed: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert listed["default"] == "compatible/scripted"
    assert "compatible/scripted" in [model["name"] for model in listed["models"] if model["ready"]]


def here(*arguments: str) -> int:
    """The command line within this process: for what starts no kernel and no engine."""
    try:
        return main(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)


def test_what_makes_no_sense_is_said_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook(folder, "1")
    monkeypatch.chdir(folder)
    (folder / "text.jsonl").write_text("hello\n")
    (folder / "new.jsonl").write_text('{"cassette": 9}\n')
    run = ("run", "n.ipynb", "-o", "out.ipynb")
    for arguments, part in (
        ((*run, "--replay", "none.jsonl"), "There is no cassette"),
        ((*run, "--replay", "text.jsonl"), "is no cassette"),
        ((*run, "--record", "text.jsonl"), "is no cassette"),
        ((*run, "--replay", "new.jsonl"), "newer CodeMAD"),
        ((*run, "--record", "no/where.jsonl"), "does not exist"),
        ((*run, "--record", "a", "--replay", "b"), "not allowed with"),
        (("ask", "x", "--record", "auto"), "beside a notebook"),
        (("cassette", "show", "none.jsonl"), "There is no cassette"),
    ):
        assert (arguments, here(*arguments)) == (arguments, 2)
        assert part in capsys.readouterr().err
    assert not (folder / "out.ipynb").exists()
    assert (folder / "text.jsonl").read_text() == "hello\n"


def test_a_cassette_is_shown_checked_and_pruned(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    path = folder / "a.jsonl"
    request = Request(model="compatible/scripted", messages=(Message.user("what is here?"),))
    for words in ("It is empty.", "It is still empty."):
        answer = [{"type": "text", "pieces": [words]}]
        Cassette(path).append(sketch(normalised(request)[0]), answer, default="compatible/scripted")
    assert here("cassette", "show", "a.jsonl") == 0
    assert "what is here? -> It is empty. (recorded again later)" in capsys.readouterr().out
    with path.open("a") as file:
        file.write("{damaged}\n")
    assert here("cassette", "check", "a.jsonl", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told == {"calls": 2, "models": ["compatible/scripted"], "damaged": [4]}
    assert here("cassette", "prune", "a.jsonl") == 0
    assert capsys.readouterr().out.startswith("1 call kept")
    assert here("cassette", "check", "a.jsonl") == 0
