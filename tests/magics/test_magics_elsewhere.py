"""The magics beside plain kernels: with a server, in terminal IPython, in a shell without a kernel."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from tests.magics.live_kernels import Kernel
from tests.server.processes import Running, running
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import LIMIT

NOTEBOOK: dict[str, Any] = {
    "cells": [
        {
            "cell_type": "code",
            "id": "first",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": "x = 1",
        }
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def kernel_of(server: Running, folder: Path, path: str) -> Kernel:
    """A kernel as JupyterLab would have it: started by the server for a notebook."""
    body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
    id = server.ask("api/sessions", body)["kernel"]["id"]
    file = next(folder.rglob(f"kernel-{id}.json"))
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()
    until = time.monotonic() + LIMIT
    while True:
        try:
            client.wait_for_ready(timeout=LIMIT)
            return Kernel(client, None)
        except RuntimeError:  # the client takes one late heartbeat of a kernel that starts for its death
            if time.monotonic() > until:
                raise


def test_with_a_server_they_are_in_its_session(tmp_path: Path, model_server: ModelServer) -> None:
    variables = {
        "CODEMAD_COMPATIBLE_BASE_URL": model_server.openai_url,
        "CODEMAD_MODEL": "compatible/scripted",
    }
    with running(tmp_path, env=variables) as server:
        path = tmp_path / "work" / "n.ipynb"
        path.write_text(json.dumps(NOTEBOOK))
        live = kernel_of(server, tmp_path, "n.ipynb")
        try:
            live.run("%load_ext codemad_jupyter")
            assert "in the Jupyter server" in live.run("%codemad status").text
            proposal = Call("insert_cell", {"source": "y = 2", "after": "first"})
            model_server.play(Turn(text="Here.", calls=(proposal,)), Turn(text="Done."))
            asked = live.run("%%codemad\nadd y", cell="first")
            assert asked.reply["status"] == "ok", asked.error
            assert "+ y = 2" in asked.text

            listed = server.ask("codemad/sessions")
            events = server.ask(f"codemad/sessions/{listed['current']}/events")["events"]
            started = next(event for event in events if event["type"] == "run_started")
            assert started["edge"] == "magic"
            assert started["target"]["notebook"] == "n.ipynb"
            assert started["target"]["cell"] == "first"

            assert "Edit 1: applied." in live.run("%codemad apply 1").text
            sources = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]
            assert sources == ["x = 1", "y = 2"]
            assert "Undone" in live.run("%codemad undo").text
            assert len(json.loads(path.read_text())["cells"]) == 1
            assert "Redone" in live.run("%codemad redo").text
        finally:
            live.client.stop_channels()


def test_a_server_that_is_gone_is_named(tmp_path: Path) -> None:
    script = "%load_ext codemad_jupyter\n%codemad what variables do I have\n"
    gone = {"CODEMAD_JUPYTER_URL": "http://127.0.0.1:9/", "CODEMAD_KERNEL_TOKEN": "x"}
    shown = in_terminal(tmp_path, script, **gone)
    assert "did not answer" in shown
    assert "variables" in shown


def environment(folder: Path, **more: str) -> dict[str, str]:
    own = {"CODEMAD_DATA_DIR": str(folder / "data"), "IPYTHONDIR": str(folder / "ipython")}
    return {**os.environ, "CODEMAD_MODEL": "codemad/offline", "TERM": "dumb", **own, **more}


def in_terminal(folder: Path, script: str, **more: str) -> str:
    """What terminal IPython shows in a real terminal when these lines are typed."""
    keeper, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--no-confirm-exit"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        cwd=folder,
        env=environment(folder, **more),
        close_fds=True,
    )
    os.close(terminal)
    shown = b""
    try:
        for line in [*script.splitlines(), "exit"]:
            shown += until_prompt(keeper, process)
            os.write(keeper, f"{line}\n".encode())
        shown += until_prompt(keeper, process)
        assert process.wait(timeout=LIMIT) == 0
    finally:
        process.kill()
        os.close(keeper)
    return shown.decode(errors="replace").replace("\r\n", "\n")


def until_prompt(keeper: int, process: subprocess.Popen[bytes]) -> bytes:
    shown, until = b"", time.monotonic() + LIMIT
    while time.monotonic() < until:
        if select.select([keeper], [], [], 0.1)[0]:
            try:
                shown += os.read(keeper, 65536)
            except OSError:  # the other side of the terminal is closed
                return shown
            if shown.endswith((b"]: ", b"[y/N] ")):
                return shown
        elif process.poll() is not None:
            return shown
    raise AssertionError(f"no prompt came after {shown!r}")


def test_in_terminal_ipython(tmp_path: Path) -> None:
    script = (
        "%load_ext codemad_jupyter\nnumber = 41\n%codemad what variables do I have\n%codemad statsu\n%codemad"
    )
    shown = in_terminal(tmp_path, script)
    assert "number" in shown.split("what variables do I have")[1]
    assert "Did you mean status" in shown
    assert "Traceback" not in shown
    assert "<IPython" not in shown
    assert "Subcommands:" in shown


def test_no_terminal_sequence_gets_through(tmp_path: Path, model_server: ModelServer) -> None:
    link = "\x1b]8;;http://127.0.0.1:9\x1b\\link\x1b]8;;\x1b\\"
    text = f"plain \x1b]52;c;aGVsbG8=\x07 \x1b]0;title\x07 \x1b[2J {link} end"
    model_server.play(Turn(text=text, chunk=1))
    variables = {"CODEMAD_COMPATIBLE_BASE_URL": model_server.openai_url}
    script = "%load_ext codemad_jupyter\n%codemad -m compatible/x hi"
    shown = in_terminal(tmp_path, script, **variables)
    answer = shown.split("compatible/x hi", 1)[1]
    assert "plain" in answer
    assert "link end" in answer
    for sequence in ("\x1b]", "\x1b[2J", "\x07"):
        assert sequence not in answer


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_terminal_asks_before_code_runs(tmp_path: Path, model_server: ModelServer, answer: str) -> None:
    model_server.play(Turn(calls=(Call("run_code", {"code": "found = 'it ' + 'ran'"}),)), Turn(text="Done."))
    variables = {"CODEMAD_COMPATIBLE_BASE_URL": model_server.openai_url}
    script = f"%load_ext codemad_jupyter\n%codemad -m compatible/x run it\n{answer}\nglobals().get('found')"
    shown = in_terminal(tmp_path, script, **variables)
    assert "Allow it? [y/N]" in shown
    assert ("it ran" in shown) is (answer == "y")


EMBEDDED = """
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

class Shell(InteractiveShell):
    display_pub_class = CapturingDisplayPublisher

shell = Shell.instance()
assert not hasattr(shell, "kernel")
shell.run_cell("%load_ext codemad_jupyter")
shell.run_cell("answer = 42")
assert shell.run_cell("%%codemad\\nwhat variables do I have").success
assert not shell.run_cell("%codemad statsu").success
import json
print(json.dumps([output["data"] for output in shell.display_pub.outputs]))
"""


def test_in_a_shell_without_a_kernel(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EMBEDDED],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    (bundle,) = json.loads(done.stdout.strip().splitlines()[-1])
    assert "`answer`" in bundle["text/markdown"]
    assert "Did you mean status" in done.stdout + done.stderr
