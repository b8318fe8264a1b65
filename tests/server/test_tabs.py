"""Calls to tabs: one tab does it, once; a tab that is slow, gone or confused gives a clear error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.notebooks.files import FileNotebooks
from codemad_jupyter.notebooks.ports import NotebookPort
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import CellChange
from codemad_jupyter.protocol.errors import NotebookError, NotFound, StaleEdit
from codemad_jupyter.protocol.frames import Hello, ServerFrame, Welcome
from codemad_jupyter.server.tab_notebooks import TabNotebooks
from codemad_jupyter.server.tabs import Tabs
from tests.server.serving import Served, Tab

PATH = "deep/n.ipynb"
OPEN = {"path": PATH, "kernel": "k1"}
VIEW = {"path": PATH, "cells": [{"id": "a", "cell_type": "code", "source": "x = 1"}]}
CHANGE = CellChange(op="replace", cell="a", source="x = 2", expect="x = 1")
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "id": "a",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": "x = 1",
        }
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture
def notebook(workspace: Path) -> Path:
    file = workspace / PATH
    file.parent.mkdir()
    file.write_text(json.dumps(NOTEBOOK))
    return file


def source(notebook: Path) -> str:
    return "".join(json.loads(notebook.read_text())["cells"][0]["source"])


@pytest.fixture
async def port(server: Served) -> NotebookPort:
    found = await server.host.ports.notebook(Target(notebook=PATH))
    assert found is not None
    return found


def quick(server: Served, workspace: Path, *, seconds: float = 0.5) -> TabNotebooks:
    return TabNotebooks(
        server.host.tabs, files=FileNotebooks(workspace), timeouts={"view": seconds, "apply": seconds}
    )


async def asked(work: Coroutine[Any, Any, Any], tab: Tab) -> tuple[asyncio.Task[Any], dict[str, Any]]:
    task = asyncio.create_task(work)
    return task, await tab.hear("port_call")


async def test_each_loss_of_a_socket_has_its_own_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes up new settings closes all sockets, twice where two follow each other closely."""
    timers: list[Callable[[], None]] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "call_later", lambda _, call, *given: timers.append(partial(call, *given)))
    tabs, hello = Tabs(), Hello(client="one")
    said: list[Welcome] = []

    class Socket:
        def offer(self, frame: ServerFrame) -> bool:
            assert isinstance(frame, Welcome)
            said.append(frame)
            return True

    for _ in range(2):
        socket = Socket()
        tabs.greet(socket, hello)
        tabs.lost(socket)
    assert said[0] == said[1], "it is known again"
    timers[0]()
    assert tabs.known_by(said[0].nonce) is not None, "it has come back since, and went a moment ago"
    timers[1]()
    assert tabs.known_by(said[0].nonce) is None


async def test_the_open_document_is_asked_and_the_file_left_alone(
    server: Served, port: NotebookPort, notebook: Path
) -> None:
    before = source(notebook)
    tab = await server.tab("one", OPEN)
    task, call = await asked(port.view(PATH), tab)
    assert (call["op"], call["path"]) == ("view", PATH)
    await tab.reply(call, VIEW)
    seen = await task
    assert seen.live
    assert seen.cells[0].source == "x = 1"
    task, call = await asked(port.apply(PATH, (CHANGE,)), tab)
    assert call["arguments"]["changes"][0]["expect"] == "x = 1"
    await tab.reply(call)
    await task
    task, call = await asked(port.snapshot(PATH), tab)
    await tab.reply(call, NOTEBOOK)
    assert await task == NOTEBOOK
    assert source(notebook) == before


async def test_a_closed_notebook_is_read_and_written_as_a_file(
    server: Served, port: NotebookPort, notebook: Path
) -> None:
    other = await server.tab("other", {"path": "another.ipynb", "kernel": None})
    seen = await port.view(PATH)
    assert not seen.live
    await port.apply(PATH, (CHANGE,))
    assert source(notebook) == "x = 2"
    await other.settle()  # nothing but the answer to our own frame came


async def test_of_two_tabs_one_applies_once(server: Served, port: NotebookPort) -> None:
    first, second = await server.tab("one", OPEN), await server.tab("two", OPEN)
    task, call = await asked(port.apply(PATH, (CHANGE,)), second)
    await second.reply(call)
    await task
    await first.hello("one", OPEN, active=PATH)
    await first.settle()  # had it been asked, the call would have come before this
    task, call = await asked(port.apply(PATH, (CHANGE,)), first)
    await first.reply(call)
    await task
    await second.settle()


async def test_execution_has_no_limit_and_tells_the_error(server: Served, port: NotebookPort) -> None:
    tab = await server.tab("one", OPEN)
    task, call = await asked(port.execute_cell(PATH, "a"), tab)
    assert call["arguments"] == {"cell": "a"}
    await tab.reply(call, {"ok": False, "error": "NameError: no x", "seconds": 0.5})
    result = await task
    assert (result.ok, result.error_name, result.error_message) == (False, "NameError", "no x")


@pytest.mark.parametrize(("code", "kind"), [("stale_edit", StaleEdit), ("not_found", NotFound)])
async def test_a_tab_s_refusal_is_the_port_s(
    server: Served, port: NotebookPort, code: str, kind: type[Exception]
) -> None:
    tab = await server.tab("one", OPEN)
    task, call = await asked(port.apply(PATH, (CHANGE,)), tab)
    await tab.reply(call, code=code, message="the cell changed", hint="look")
    with pytest.raises(kind, match="the cell changed"):
        await task


@pytest.mark.parametrize("answer", [None, 7, "text", {"cells": 1}, {"path": PATH}])
async def test_nonsense_from_a_tab_is_an_error(server: Served, port: NotebookPort, answer: Any) -> None:
    tab = await server.tab("one", OPEN)
    for ask in (port.view(PATH), port.snapshot(PATH), port.execute_cell(PATH, "a")):
        task, call = await asked(ask, tab)
        await tab.reply(call, answer)
        with pytest.raises(NotebookError, match="answered"):
            await task


async def test_a_silent_tab_times_out_and_its_late_answer_is_ignored(
    server: Served, workspace: Path, notebook: Path
) -> None:
    tab = await server.tab("one", OPEN)
    task, call = await asked(quick(server, workspace).apply(PATH, (CHANGE,)), tab)
    with pytest.raises(NotebookError, match=r"did not answer 'apply' within 0\.5 seconds"):
        await task
    await tab.reply(call)
    await tab.settle()


async def test_a_tab_that_closes_ends_its_calls(server: Served, port: NotebookPort) -> None:
    tab = await server.tab("one", OPEN)
    task, _ = await asked(port.execute_cell(PATH, "a"), tab)
    tab.close()
    with pytest.raises(NotebookError, match="was closed"):
        await asyncio.wait_for(task, 10)


async def test_a_tab_that_comes_back_is_waited_for_and_may_still_answer(
    server: Served, port: NotebookPort, notebook: Path
) -> None:
    tab = await server.tab("one", OPEN)
    task, call = await asked(port.execute_cell(PATH, "a"), tab)
    tab.close()
    await asyncio.sleep(0.2)
    view = asyncio.create_task(port.view(PATH))  # asked while the tab is away
    back = await server.tab()
    await back.hello("one", OPEN)
    await back.reply(call, {"ok": True, "error": "", "seconds": 1})
    assert (await task).ok
    await back.reply(await back.hear("port_call"), VIEW)
    assert (await view).live


async def test_another_tab_cannot_answer(server: Served, workspace: Path, notebook: Path) -> None:
    tab, other = await server.tab("one", OPEN), await server.tab("two")
    task, call = await asked(quick(server, workspace).view(PATH), tab)
    await other.reply(call, VIEW)
    with pytest.raises(NotebookError, match="did not answer"):
        await task


async def test_a_call_into_a_full_outbox_fails_at_once() -> None:
    class Full:
        def offer(self, frame: object) -> bool:
            return False

    from codemad_jupyter.protocol.frames import Hello, OpenNotebook

    tabs = Tabs()
    tabs.greet(Full(), Hello(client="slow", notebooks=(OpenNotebook(path=PATH),)))
    holder = await tabs.holder(PATH)
    assert holder is not None
    with pytest.raises(NotebookError, match="cannot be reached"):
        await tabs.call(holder, "view", path=PATH, arguments={}, timeout=1)


async def test_the_kernel_s_notebook_is_found_by_the_tab(server: Served) -> None:
    await server.tab("one", OPEN)
    assert await server.host.ports.notebook_of("k1") == PATH
    assert await server.host.ports.notebook_of("k2") is None
