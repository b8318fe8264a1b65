"""The timeline over REST, for people and for kernels, with the notebook open in a tab and unsaved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.notebooks import document
from codemad_jupyter.protocol.edits import CellChange
from tests.server.serving import Served, Tab, serving
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

PATH = "n.ipynb"


def cell(id: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": id,
        "metadata": {},
        "outputs": [{"output_type": "stream", "name": "stdout", "text": f"{id} said"}],
        "execution_count": 3,
        "source": source,
    }


class OpenNotebook:
    """A tab whose document is not what is on disk."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        cells = [cell("a", "x = 1\ny = 2\nz = 3"), cell("b", "print(x)")]
        self.nb: dict[str, Any] = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}

    async def serve(self) -> None:
        while True:
            frame = await self.tab.hear("port_call", wait=60)
            match frame["op"]:
                case "view":
                    await self.tab.reply(frame, document.view(self.nb, PATH).model_dump(mode="json"))
                case "snapshot":
                    await self.tab.reply(frame, self.nb)
                case "apply":
                    steps = [CellChange.model_validate(step) for step in frame["arguments"]["changes"]]
                    self.nb = document.apply(self.nb, tuple(steps))
                    await self.tab.reply(frame)


@pytest.fixture
async def server(
    home: Path, workspace: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    async with serving(workspace, home=home) as served:
        yield served


@pytest.fixture
async def opened(server: Served, workspace: Path) -> AsyncIterator[OpenNotebook]:
    (workspace / PATH).write_text(
        json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    tab = await server.tab("one", {"path": PATH, "kernel": None})
    found = OpenNotebook(tab)
    serving_tab = asyncio.create_task(found.serve())
    yield found
    serving_tab.cancel()
    await asyncio.gather(serving_tab, return_exceptions=True)


async def get(server: Served, path: str, *, kernel: bool = False, **query: Any) -> Any:
    door = "codemad/kernel" if kernel else "codemad"
    headers = server.secret if kernel else None
    response = await server.fetch(f"{door}/{path}", headers=headers, **query)
    assert response.code == 200, response.body
    return json.loads(response.body)


async def test_an_unsaved_notebook_is_changed_undone_merged_and_restored_in_its_tab(
    server: Served, opened: OpenNotebook, model_server: ModelServer, workspace: Path
) -> None:
    on_disk = (workspace / PATH).read_bytes()
    before = json.loads(json.dumps(opened.nb))
    call = Call("replace_cell", {"cell": "a", "source": "x = 1\ny = 2\nz = 33"})
    new = Call("insert_cell", {"source": "w = 4", "after": "b"})
    model_server.play(Turn(calls=(call, new)), Turn(text="Proposed."))
    session = await server.session()
    ack = await server.command(
        type="prompt", session=session, text="go", model="compatible/scripted", target={"notebook": PATH}
    )
    await server.finished(ack)
    events = (await get(server, f"sessions/{session}/events"))["events"]
    for edit in [event["edit"]["id"] for event in events if event["type"] == "edit_proposed"]:
        await server.command(type="accept_edit", session=session, edit=edit)
    assert [line["model"] for line in (await get(server, "blame", notebook=PATH))["cells"]] == [
        "compatible/scripted",
        "",
        "compatible/scripted",
    ]
    point = (await get(server, "checkpoints", session=session))["checkpoints"][0]
    assert (point["title"], point["notebooks"], point["undone"]) == ("go", [PATH], False)
    diff = await get(server, "checkpoints/diff", kernel=True, old=point["id"], new="")
    found = {(each["cell"], each["status"]): each["detail"] for each in diff["differences"]}
    assert found[("a", "changed")] == "who made it"
    assert len(found) == 2
    await server.command(type="undo", session=session)
    assert opened.nb == before
    await server.command(type="redo", session=session)
    mine = {**opened.nb["cells"][0], "source": "x = 'mine'\ny = 2\nz = 33", "outputs": []}
    opened.nb = {**opened.nb, "cells": [mine, *opened.nb["cells"][1:]]}
    response = await server.fetch(
        "codemad/kernel/commands",
        headers=server.secret,
        body={"type": "restore_checkpoint", "session": session, "checkpoint": point["id"]},
    )
    assert response.code == 200, response.body
    assert [each["source"] for each in opened.nb["cells"]] == ["x = 'mine'\ny = 2\nz = 3", "print(x)"]
    last = (await get(server, f"sessions/{session}/events"))["events"][-1]
    assert (last["type"], last["kind"], last["merged"]) == ("restored", "restore", [f"{PATH}#a"])
    assert (workspace / PATH).read_bytes() == on_disk, "the tab saves, nobody else"


async def test_who_may_not_ask_and_what_is_not_there(server: Served) -> None:
    for path in ("checkpoints", "checkpoints/diff", "blame"):
        assert (await server.fetch(f"codemad/{path}", headers={})).code in (302, 403)
        assert (await server.fetch(f"codemad/{path}", headers=server.secret)).code in (302, 403)
        assert (await server.fetch(f"codemad/kernel/{path}")).code == 403
    assert await get(server, "checkpoints", kernel=True) == {"checkpoints": []}
    gone = await server.fetch("codemad/checkpoints/diff", old="nothing", new="")
    assert gone.code == 404
    assert "no checkpoint" in json.loads(gone.body)["error"]["message"]
    outside = await server.fetch("codemad/blame", notebook="../../etc/passwd")
    assert outside.code in (403, 404)
