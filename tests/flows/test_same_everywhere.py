"""One prompt through the server's routes, through a magic and through the command line: the same events."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient

from codemad_jupyter.protocol.events import LIVE_ONLY
from tests.flows.conftest import LOAD, NOTEBOOK
from tests.magics.live_kernels import Kernel
from tests.server.processes import Running, running
from tests.waiting import wait_until

PLOT = "plot the mean radius by diagnosis"


def notebook_with_data() -> dict[str, Any]:
    cells = [*NOTEBOOK["cells"]]
    cells[1] = {**cells[1], "source": LOAD.splitlines(keepends=True)}
    return {**NOTEBOOK, "cells": cells}


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """The types of the run's finished events, in order."""
    kept = [event for event in events if event["type"] not in LIVE_ONLY and event["run"] is not None]
    return [event["type"] for event in kept]


def stored(server: Running, session: str) -> list[dict[str, Any]]:
    def events() -> list[dict[str, Any]]:
        return list(server.ask(f"codemad/sessions/{session}/events")["events"])

    wait_until(lambda: any(event["type"] == "run_finished" for event in events()), "the run's end")
    return events()


def by_routes(server: Running, kernel: str) -> list[str]:
    """As the sidebar asks: a command to the server, with the notebook and its kernel."""
    session = server.ask("codemad/commands", {"type": "new_session"})["session"]
    target = {"notebook": "n.ipynb", "kernel": kernel, "cell": "load"}
    prompt = {"type": "prompt", "session": session, "text": PLOT, "target": target, "edge": "sidebar"}
    server.ask("codemad/commands", prompt)
    return kinds(stored(server, session))


def by_magic(server: Running, kernel: Kernel) -> list[str]:
    """As a person in a cell asks: the kernel joins the server's session."""
    session = server.ask("codemad/commands", {"type": "new_session"})["session"]
    for source in ("%load_ext codemad_jupyter", f"%%codemad\n{PLOT}"):
        ran = kernel.run(source, cell="load")
        assert not ran.error, ran.error
    return kinds(stored(server, session))


def by_command(folder: Path) -> list[str]:
    command = [sys.executable, "-m", "codemad_jupyter.batch.cli", "ask", PLOT, "--json"]
    command += ["--notebook", "n.ipynb", "--execute-notebook"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return kinds([json.loads(line) for line in done.stdout.splitlines()])


@contextmanager
def attached(connection: Path) -> Iterator[Kernel]:
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()
    try:
        # Not wait_for_ready: without the kernel's manager it takes a slow first heartbeat for death.
        client.kernel_info(reply=True, timeout=60)
        yield Kernel(client, None)
    finally:
        client.stop_channels()


def test_the_same_prompt_gives_the_same_events_at_every_edge(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "n.ipynb").write_text(json.dumps(notebook_with_data()))
    with running(tmp_path) as server:
        body = {"path": "n.ipynb", "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        id = server.ask("api/sessions", body)["kernel"]["id"]
        with attached(tmp_path / "runtime" / f"kernel-{id}.json") as kernel:
            assert not kernel.run(LOAD).error
            routes = by_routes(server, id)
            magic = by_magic(server, kernel)
    command = by_command(work)
    assert routes[0] == "run_started"
    assert routes[-1] == "run_finished"
    assert "edit_proposed" in routes
    assert "edit_tried" in routes
    assert magic == routes
    assert command == routes
