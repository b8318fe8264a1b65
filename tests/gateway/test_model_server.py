"""The scripted model server itself: as a process, its scripts, its record."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.servers.model_server import ModelServer, read_script
from tests.servers.wire_formats import Call, Turn


def post(url: str, body: dict[str, object]) -> str:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"authorization": "Bearer k", "content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def test_it_runs_as_a_process(tmp_path: Path, repository: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"turns": [{"text": "Hello", "calls": [{"name": "f"}]}]}), "utf-8")
    command = [sys.executable, "tests/servers/model_server.py", "--script", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=repository) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            answer = post(f"{url}/v1/messages", {"model": "m", "messages": []})
            assert "message_start" in answer
            assert '"text": "Hello"' in answer
            assert "tool_use" in answer
        finally:
            process.terminate()
            process.wait(10)


def test_turns_find_their_requests(model_server: ModelServer) -> None:
    model_server.play(
        Turn(text="for b", model="b"), Turn(text="plots", match="plot"), Turn(text="any", repeat=True)
    )
    url = f"{model_server.openai_url}/chat/completions"

    def ask(model: str, text: str) -> str:
        return post(url, {"model": model, "messages": [{"role": "user", "content": text}]})

    assert '"any"' in ask("a", "hello")
    assert '"plots"' in ask("a", "please plot")
    assert '"for b"' in ask("b", "please plot")
    assert '"any"' in ask("b", "please plot")
    assert [request.last_text for request in model_server.asked][:2] == ["hello", "please plot"]
    assert model_server.asked[0].key == "k"
    assert model_server.wait_for(lambda server: all(request.finished for request in server.requests))


def test_a_script_with_a_slip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text('[{"txt": "Hello"}]', "utf-8")
    with pytest.raises(ValueError, match="txt"):
        read_script(path)
    path.write_text('[{"text": "Hello", "calls": [{"name": "f", "arguments": {"a": 1}}]}]', "utf-8")
    assert read_script(path) == [Turn(text="Hello", calls=(Call("f", {"a": 1}),))]


def test_an_empty_script_says_so(model_server: ModelServer) -> None:
    with pytest.raises(urllib.error.HTTPError, match="500") as caught:
        post(f"{model_server.url}/v1/messages", {"model": "m", "messages": []})
    assert "no turn" in caught.value.read().decode()
    caught.value.close()
    assert model_server.unscripted == 1
