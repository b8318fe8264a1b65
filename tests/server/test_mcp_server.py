"""The MCP server on a real Jupyter server, spoken to by the official SDK's own client, with its locks on."""

import asyncio
import importlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
import pytest

from codemad_jupyter.config.mcp_definitions import definition_digest
from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.protocol.mcp import McpDefinition, McpServer
from codemad_jupyter.tools.mcp_client import RESTARTS, McpConnection
from codemad_jupyter.tools.mcp_sdk import first_line
from tests.server.serving import TOKEN, Served

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "1"},
    },
}
JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


@asynccontextmanager
async def client(server: Served) -> AsyncIterator[Any]:
    """A session of the SDK's client with the server's token."""
    http = importlib.import_module("httpx" if first_line() else "httpx2")
    streamable = importlib.import_module("mcp.client.streamable_http")
    mcp = importlib.import_module("mcp")
    info = importlib.import_module("mcp.types").Implementation(name="tester", version="1")
    async with AsyncExitStack() as stack:
        headers = {"Authorization": f"token {TOKEN}"}
        made = await stack.enter_async_context(http.AsyncClient(headers=headers, timeout=60))
        url = server.url("codemad/mcp")
        streams = await stack.enter_async_context(streamable.streamable_http_client(url, http_client=made))
        session = await stack.enter_async_context(mcp.ClientSession(streams[0], streams[1], client_info=info))
        await session.initialize()
        yield session


async def called(session: Any, tool: str, /, **arguments: Any) -> tuple[bool, str]:
    result = (await session.call_tool(tool, arguments)).model_dump(by_alias=True)
    return result["isError"], result["content"][0]["text"]


@pytest.fixture
def notebook(workspace: Path) -> Path:
    path = workspace / "n.ipynb"
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1", id="first")])
    path.write_text(nbformat.writes(document))
    (workspace / "data.py").write_text("answer = 42\n")
    return path


async def test_a_client_of_the_sdk_works_through_the_one_gate(server: Served, notebook: Path) -> None:
    async with client(server) as session:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert {"read_file", "read_notebook", "insert_cell", "run_code", "restore_checkpoint"} <= set(tools)
        assert not {"write_file", "delete_file", "remember", "apply_patch", "ask_person"} & set(tools)

        failed, text = await called(session, "read_file", path="data.py")
        assert (failed, text) == (False, "answer = 42\n")
        failed, text = await called(session, "read_file", path="../outside")
        assert failed
        assert "outside the workspace" in text

        failed, text = await called(session, "read_notebook", notebook="n.ipynb")
        assert not failed
        assert "x = 1" in text
        failed, text = await called(
            session, "insert_cell", notebook="n.ipynb", source="y = 2", after="first", title="Add y"
        )
        assert not failed, text
        assert json.loads(text)["status"] == "proposed"
        assert "y = 2" not in (await called(session, "read_notebook", notebook="n.ipynb"))[1]

        for tool, arguments in (
            ("run_code", {"code": "open('MARK', 'w')"}),
            ("restore_checkpoint", {"session": "s", "checkpoint": "c"}),
        ):
            failed, text = await called(session, tool, **arguments)
            assert failed
            assert "Nobody can be asked here" in text
        assert "MARK" not in (await called(session, "list_files"))[1]

        failed, text = await called(session, "list_sessions")
        assert "MCP: tester" in text
        own = json.loads(text)[0]["id"]
        failed, text = await called(session, "read_session", session=own)
        assert "tester calls run_code" in text
        assert (await called(session, "list_checkpoints"))[0] is False
        assert (await called(session, "no_such_tool"))[0] is True
    events = json.loads((await server.fetch(f"codemad/sessions/{own}/events", after=0)).body)["events"]
    denied = next(each for each in events if each["type"] == "tool_done" and each["tool"] == "run_code")
    assert denied["status"] == "denied"
    assert {each["edge"] for each in events if each["type"] == "run_started"} == {"mcp"}


async def test_a_person_in_a_tab_is_asked_and_may_refuse(server: Served, notebook: Path) -> None:
    await server.tab("tab")
    async with client(server) as session:
        asking = asyncio.create_task(called(session, "run_code", code="open('MARK', 'w')"))
        approval = await _asked(server)
        await server.command(type="reject", session=approval["session"], approval=approval["approval"])
        failed, text = await asking
    assert failed
    assert "The person refused run_code" in text
    assert not (notebook.parent / "MARK").exists()


async def _asked(server: Served) -> dict[str, Any]:
    """The question that was put, waited for."""
    async with asyncio.timeout(60):
        while True:
            listed = json.loads((await server.fetch("codemad/sessions")).body)["sessions"]
            for session in listed:
                path = f"codemad/sessions/{session['id']}/events"
                for event in json.loads((await server.fetch(path, after=0)).body)["events"]:
                    if event["type"] == "approval_asked":
                        return dict(event)
            await asyncio.sleep(0.1)


async def test_strangers_get_no_answer(server: Served) -> None:
    port = server.port

    async def code(**headers: str) -> int:
        given = {**JSON, **{key.replace("_", "-"): value for key, value in headers.items()}}
        return (await server.fetch("codemad/mcp", headers=given, body=HELLO)).code

    token = f"token {TOKEN}"
    assert await code() == 403
    assert await code(Authorization="token wrong") == 403
    assert await code(Authorization=token, Origin="http://evil.example") == 403
    assert await code(Authorization=token, Origin="null") == 403
    assert await code(Authorization=token, Origin=f"http://127.0.0.1:{port}.evil.example") == 403
    assert await code(Authorization=token, Host="evil.example") == 403
    cookie = (await server.login())["Cookie"]
    assert await code(Cookie=cookie) == 403, "cookies alone come with any form"
    assert await code(Cookie=cookie, Origin="http://evil.example") == 403
    assert await code(X_Codemad_Kernel_Token=server.host.token) == 403, "code in a kernel has no way in"
    assert await code(Authorization=token) == 200
    assert await code(Authorization=token, Origin=f"http://127.0.0.1:{port}") == 200


def our_client(url: str, root: Path) -> McpConnection:
    """Our own client of servers at an address, with the token that a variable holds."""
    server = McpServer(url=url, bearer_env="THEIR_TOKEN", timeout=60)
    given = McpDefinition(name="there", server=server, origin="own", place="your settings")
    return McpConnection(given, root, digest=definition_digest(given, root))


async def test_our_own_client_reaches_it_over_http(
    server: Served, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = our_client(server.url("codemad/mcp"), notebook.parent)
    with pytest.raises(ToolError, match="THEIR_TOKEN for the MCP server there is not set"):
        await there.use(lambda session: session.tools())
    monkeypatch.setenv("THEIR_TOKEN", TOKEN)
    tools = {each.name: each for each in await there.use(lambda session: session.tools())}
    assert tools["read_file"].parameters["required"] == ["path"]
    read = await there.use(lambda session: session.call("read_file", {"path": "data.py"}))
    assert read["content"][0]["text"] == "answer = 42\n"
    refused = await there.use(lambda session: session.call("read_file", {"path": "../outside"}))
    assert refused["isError"]
    await there.close()
    assert not there.off


@pytest.mark.parametrize("place", ["codemad/mcp", "codemad/nowhere"])
async def test_our_own_client_gives_up_where_nobody_lets_it_in(
    server: Served, notebook: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("THEIR_TOKEN", "wrong")
    there = our_client(server.url(place), notebook.parent)
    for _ in range(RESTARTS + 2):
        with pytest.raises(ToolError) as raised:
            await there.use(lambda session: session.tools())
    assert "is off: it failed 4 times" in raised.value.message
    assert "wrong" not in raised.value.message
    await there.close()


async def test_an_endless_message_over_http_ends_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b"x" * 1_000_000)
                await writer.drain()

    monkeypatch.setenv("THEIR_TOKEN", TOKEN)
    flooding = await asyncio.start_server(flood, "127.0.0.1", 0)
    port = flooding.sockets[0].getsockname()[1]
    there = our_client(f"http://127.0.0.1:{port}/mcp", tmp_path)
    with pytest.raises(ToolError, match="a message is longer than"):
        await there.use(lambda session: session.tools())
    await there.close()
    flooding.close()
