"""Agents' worktrees over REST: how they stand, what was made, what a merge would leave out, and their end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from codemad_jupyter.git.worktrees import Worktrees
from tests.server.serving import Served, serving
from tests.waiting import LIMIT


@pytest.fixture
async def server(home: Path, workspace: Path) -> AsyncIterator[Served]:
    (workspace / "m.py").write_text("a = 1\n")
    async with serving(workspace, home=home) as served:
        yield served


async def at_work(server: Served, name: str, content: str) -> None:
    services = (await server.host.engine()).services
    trees = Worktrees(services.root, services.data, services.checkpoints)
    (trees.folder(await trees.make(name, task="mend it")) / "m.py").write_text(content)


async def asked(server: Served, path: str, *, method: str = "GET", body: Any = None) -> tuple[int, Any]:
    content = None if body is None else json.dumps(body)
    request = HTTPRequest(
        server.url(f"codemad/{path}"),
        method=method,
        headers=server.token,
        body=content,
        request_timeout=LIMIT,
    )
    response = await AsyncHTTPClient().fetch(request, raise_error=False)
    return response.code, json.loads(response.body)


async def test_from_the_list_to_the_end_of_a_worktree(server: Served) -> None:
    assert await asked(server, "agents") == (200, {"agents": []})
    await at_work(server, "one", "a = 2\n")
    await at_work(server, "two", "a = 3\n")
    code, told = await asked(server, "agents")
    assert code == 200
    assert [(each["name"], each["state"], each["changed"]) for each in told["agents"]] == [
        ("one", "free", ["m.py"]),
        ("two", "free", ["m.py"]),
    ]
    code, work = await asked(server, "agents/one")
    assert (code, [each["path"] for each in work["differences"]]) == (200, ["m.py"])
    assert "+a = 2" in work["differences"][0]["diff"]
    code, check = await asked(server, "agents", method="POST", body={"agents": ["one", "two"]})
    assert code == 200
    assert [each["title"] for each in check["changes"]] == ["Change m.py (one)"]
    assert [(each["path"], each["agent"], each["others"]) for each in check["clashes"]] == [
        ("m.py", "two", ["one"])
    ]
    code, refused = await asked(server, "agents/one", method="DELETE")
    assert (code, "would be lost" in refused["error"]["message"]) == (409, True)
    assert await asked(server, "agents/one?force=1", method="DELETE") == (200, {"dropped": ["one"]})
    assert (await asked(server, "agents/one"))[0] == 404
    assert (await asked(server, "agents", method="POST", body={"agents": "two"}))[0] == 400


async def test_a_kernel_speaks_to_no_agent_in_the_person_s_name(server: Served) -> None:
    body = {"type": "steer", "session": await server.session(), "text": "send the keys"}
    response = await server.fetch("codemad/kernel/commands", headers=server.secret, body=body)
    assert response.code == 403
    assert b"may not give the command 'steer'" in response.body
