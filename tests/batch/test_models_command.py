"""``codemad models``: the list, who answers, pulling through an Ollama, and one tiny call."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.batch.cli import main
from codemad_jupyter.batch.models import _Bar, _bar
from codemad_jupyter.gateway.pulling import Step
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn

MB = 1_000_000
GOOD: list[Any] = [
    {"status": "pulling manifest"},
    {"status": "pulling aabb", "digest": "sha256:aabb", "total": 200 * MB, "completed": 50 * MB},
    {"status": "pulling aabb", "digest": "sha256:aabb", "total": 200 * MB, "completed": 200 * MB},
    {"status": "verifying sha256 digest"},
    {"status": "success"},
]


class Ollama:
    """A server that plays lines for ``/api/pull`` and has two models."""

    def __init__(self) -> None:
        self.lines: list[Any] = GOOD
        self.status = 200
        self.asked: list[Any] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                names = [{"name": "llama3:8b"}, {"name": "qwen3:4b"}] if self.path == "/api/tags" else []
                self.answer(200, json.dumps({"models": names}))

            def do_POST(self) -> None:
                outer.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                lines = (line if isinstance(line, str) else json.dumps(line) for line in outer.lines)
                self.answer(outer.status, "".join(f"{line}\n" for line in lines))

            def answer(self, status: int, body: str) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Ollama]:
    made = Ollama()
    monkeypatch.setenv("CODEMAD_OLLAMA_URL", made.url)
    monkeypatch.chdir(tmp_path)
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join(10)


def test_the_list_asks_nobody(ollama: Ollama, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    head, first, *rest = capsys.readouterr().out.splitlines()
    assert head.split() == ["MODEL", "WINDOW", "$", "IN", "/", "OUT", "CAN", "STATE"]
    assert first.startswith("* codemad/offline")
    claude = next(line for line in rest if "anthropic/claude-sonnet-5-5" in line)
    assert claude.split()[1:] == [
        "1.0M",
        "2",
        "/",
        "10",
        "tools",
        "thinking",
        "images",
        "Set",
        "ANTHROPIC_API_KEY.",
    ]
    assert any("gemini/" in line and "GEMINI_API_KEY" in line for line in rest)
    assert not any("ollama/" in line for line in rest)


def test_a_probe_finds_what_is_installed_and_says_who_answers(
    ollama: Ollama, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "CODEMAD_PROVIDER_URLS", json.dumps({"vllm": ollama.url, "lmstudio": "http://127.0.0.1:9"})
    )
    assert main(["models", "--probe", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    names = [model["name"] for model in told["models"] if model["ready"]]
    assert {"ollama/llama3:8b", "ollama/qwen3:4b", "codemad/offline"} <= set(names)
    assert told["default"] == "codemad/offline"
    health = told["health"]
    assert (health["ollama"]["ok"], len(health["ollama"]["names"])) == (True, 2)
    assert (health["vllm"]["ok"], health["lmstudio"]["ok"]) == (True, False)
    assert "does not answer" in health["lmstudio"]["why"]
    assert "anthropic" not in health  # without a key nobody is asked


def test_pulling_shows_how_far_it_is(ollama: Ollama, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", "ollama/llama3:8b"]) == 0
    said = capsys.readouterr()
    assert said.out == "ollama/llama3:8b is there.\n"
    assert ollama.asked == [{"model": "llama3:8b", "stream": True}]
    assert "[##############################] 100% 200/200 MB pulling aabb" in said.err.splitlines()
    assert main(["models", "pull", "llama3:8b", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"model": "ollama/llama3:8b", "pulled": True}
    assert said.err == ""


@pytest.mark.parametrize(
    ("lines", "status", "words"),
    [
        (
            [{"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"}],
            200,
            "not exist",
        ),
        ([{"error": "model name is invalid"}], 400, "invalid"),
        (GOOD[:2], 200, "stopped before"),
        (["<html>"], 200, "cannot be read"),
        (["oops"], 500, "HTTP 500"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    ollama: Ollama, capsys: pytest.CaptureFixture[str], lines: list[Any], status: int, words: str
) -> None:
    ollama.lines, ollama.status = lines, status
    assert main(["models", "pull", "nope"]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("codemad: Ollama did not pull nope:")
    assert words in said


def test_no_ollama_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CODEMAD_OLLAMA_URL", "http://127.0.0.1:9")
    assert main(["models", "pull", "x"]) == 1
    assert "ollama serve" in capsys.readouterr().err


def test_the_bar_on_a_terminal_draws_over_its_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    bar = _Bar(quiet=False)
    for step in (Step(status="a \x1b[2Jlong status"), Step(status="b", done=3 * MB, total=10 * MB)):
        bar.show(step)
    bar.end()
    said = capsys.readouterr().err
    assert said.startswith("\ra long status\r[#########")
    assert said.endswith("\n")
    assert "\x1b" not in said
    assert _bar(Step(status="x", done=20, total=10)).startswith(f"[{'#' * 30}] 100%")


@pytest.fixture
def served(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModelServer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    return model_server


def test_one_tiny_call(served: ModelServer, capsys: pytest.CaptureFixture[str]) -> None:
    served.play(Turn(text="ready \x1b[31m"), Turn(text="ready"))
    assert main(["models", "test", "compatible/scripted"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("compatible/scripted works:")
    assert said.endswith("It said: ready\n")
    assert main(["models", "test", "compatible/scripted", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["answer"], told["usage"]["output_tokens"]) == (True, "ready", 5)


def test_a_model_that_fails_says_why_and_what_to_do(
    served: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    served.play(Turn(status=404, error="model_not_found"))
    assert main(["models", "test", "compatible/none"]) == 1
    assert "does not offer the model compatible/none" in capsys.readouterr().err
    assert main(["models", "test", "anthropic/claude-sonnet-5-5", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["kind"] == "no_key"


@pytest.mark.parametrize(
    "words", [["test"], ["pull"], ["list", "x"], ["frob"], ["test", "not a name"], ["test", "mystery/x"]]
)
def test_what_makes_no_sense_is_a_usage_error(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["models", *words])
    except SystemExit as ended:  # argparse's own refusals
        status = int(str(ended.code))
    assert status == 2
