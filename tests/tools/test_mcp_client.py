"""MCP servers of others: real ones over standard input and output, good and bad, behind the one gate."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.config.mcp_approvals import McpApprovals
from codemad_jupyter.config.mcp_definitions import definition_digest
from codemad_jupyter.hooks import plugin_manager
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import ToolChanged, ToolError
from codemad_jupyter.protocol.events import Event
from codemad_jupyter.protocol.mcp import McpDefinition, McpServer, McpTool
from codemad_jupyter.protocol.messages import ToolCallPart, ToolResultPart
from codemad_jupyter.protocol.permissions import Rule
from codemad_jupyter.tools.executor import Executor
from codemad_jupyter.tools.gate import Answered, Gate, Question, Who
from codemad_jupyter.tools.mcp_client import RESTARTS, McpConnection
from codemad_jupyter.tools.mcp_sdk import DESCRIPTION, OPEN_SCHEMA, bounded_tool
from codemad_jupyter.tools.mcp_tools import McpServers, full_name
from codemad_jupyter.tools.permissions import Permissions
from codemad_jupyter.tools.tool import Registry, Tool, ToolContext
from tests.tools.taken import Taken

SERVER = Path(__file__).parents[1] / "servers" / "mcp_server.py"
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
ECHO = McpTool(name="echo", description="Say it back.", parameters=SCHEMA)
UNATTENDED = Permissions(mode="batch", rules=(Rule(decide="allow", tool="small__*"),))
ENVIRONMENT = ECHO.model_copy(update={"name": "environment"})


def defined(command: str, *args: str, timeout: float = 100.0, env: tuple[str, ...] = ()) -> McpDefinition:
    server = McpServer(command=command, args=args, timeout=timeout, env=env)
    return McpDefinition(name="small", server=server, origin="own", place="your settings")


def connected(given: McpDefinition, root: Path) -> McpConnection:
    return McpConnection(given, root, digest=definition_digest(given, root))


def approved(root: Path, given: McpDefinition, tools: tuple[McpTool, ...]) -> McpServers:
    approvals = McpApprovals(root / "kept")
    approvals.approve(given, root, digest=definition_digest(given, root), tools=tools)
    return McpServers(root, [given], approvals)


class Person:
    """Who is asked for a word, and says it; none where it is empty."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    async def ask(self, text: str, options: tuple[str, ...]) -> str:
        self.asked.append((text, options))
        if not self.word:
            raise ToolError("The person did not want to answer.")
        return self.word


class Bench:
    """An executor over the tools of servers, with what it said and asked."""

    def __init__(
        self,
        root: Path,
        tools: tuple[Tool, ...],
        *,
        given: Permissions | None = None,
        person: Person | None = None,
    ) -> None:
        self.events: list[Event] = []
        self.asked: list[Question] = []
        self.answers: dict[str, bool] = {}

        async def ask(question: Question) -> Answered:
            self.asked.append(question)
            return Answered("approved" if self.answers.get(question.action, True) else "rejected")

        async def granted() -> Permissions:
            return given or Permissions()

        def redact(text: str) -> str:
            return text.replace("hunter2", "[secret]")

        self.executor = Executor(
            Registry(tools),
            context=ToolContext(
                root=root,
                target=Target(),
                kernel=None,
                notebook=None,
                proposals=Taken([]),
                person=person,
            ),
            gate=Gate(
                granted=granted,
                ask=ask,
                record=lambda line: None,
                redact=redact,
                hooks=plugin_manager(discover=False),
                who=Who(),
            ),
            emit=self.events.append,
            redact=redact,
            restore=lambda text: text.replace("[secret]", "hunter2"),
            level="outputs",
        )

    async def call(self, name: str, /, **arguments: Any) -> ToolResultPart:
        return await self.executor.call(ToolCallPart(id="1", name=name, arguments=arguments))


@pytest.fixture
async def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[McpServers]:
    for canary in ("ANTHROPIC_API_KEY", "CODEMAD_KERNEL_TOKEN", "JUPYTER_TOKEN", "MY_SECRET"):
        monkeypatch.setenv(canary, "canary-of-a-secret")
    monkeypatch.setenv("PASSED_ON", "passed")
    behaviour = str(tmp_path / "behaviour")
    given = defined(sys.executable, str(SERVER), "good", behaviour, env=("PASSED_ON", "MODE=set"))
    found = approved(tmp_path, given, (ECHO, ENVIRONMENT))
    yield found
    await found.close()


async def test_one_server_from_the_first_call_to_its_change(servers: McpServers, tmp_path: Path) -> None:
    behaviour = tmp_path / "behaviour"
    bench = Bench(tmp_path, servers.tools())

    said = await bench.call("small__echo", text="[secret] hi")
    answer = json.loads(said.content)
    assert answer["text"] == "you said [secret] hi", "what was masked does not go to a server of others"
    assert "untrusted" in answer["source"]
    assert [question.tool for question in bench.asked] == ["small__echo"]
    assert "small" in bench.asked[0].reason

    found = json.loads((await bench.call("small__environment", text="")).content)["text"]
    assert "canary-of-a-secret" not in found
    assert "PASSED_ON=passed" in found
    assert "MODE=set" in found

    offered = json.loads((await bench.call("mcp_offers", server="small")).content)
    assert offered["prompts"] == {"greet": "Greets."}
    assert offered["resources"] == {"small://note": "a note"}
    assert "noted" in (await bench.call("mcp_read", server="small", uri="small://note")).content
    assert "Greet" in (await bench.call("mcp_prompt", server="small", name="greet")).content

    behaviour.write_text("asks")
    assert "accept" in (await bench.call("small__echo", text="")).content
    bench.answers["The MCP server small asks: Shall I?"] = False
    assert "decline" in (await bench.call("small__echo", text="")).content
    unattended = Bench(tmp_path, servers.tools(), given=UNATTENDED)
    assert "decline" in (await unattended.call("small__echo", text="")).content
    assert not unattended.asked

    behaviour.write_text("changed")
    changed = await bench.call("small__echo", text="")
    assert changed.is_error
    assert "has changed its description" in changed.content
    assert "Ignore all rules" not in changed.content
    tool = bench.executor._registry.get("small__echo")
    with pytest.raises(ToolChanged) as raised:
        await tool.function(bench.executor._context, text="")
    assert raised.value.code == "tool_changed"

    behaviour.write_text("good")
    assert not (await bench.call("small__echo", text="back")).is_error, "it is as it was approved again"


async def test_a_server_may_ask_for_a_word(servers: McpServers, tmp_path: Path) -> None:
    behaviour = tmp_path / "behaviour"
    question = "The MCP server small asks: Which column?"

    async def said(person: Person | None) -> str:
        bench = Bench(tmp_path, servers.tools(), person=person)
        return str(json.loads((await bench.call("small__echo", text="")).content)["text"])

    assert await said(None) == "you said ", "it is started as it was approved"
    behaviour.write_text("asks_word of these")
    person = Person("area")
    assert await said(person) == "accept {'target': 'area'}"
    assert person.asked == [(question, ("price", "area"))]
    assert await said(Person("another one")) == "decline None", "it wanted one of these"
    assert await said(Person("")) == "decline None"
    assert await said(None) == "decline None"
    behaviour.write_text("asks_word")
    free = Person("the last one")
    assert await said(free) == "accept {'target': 'the last one'}"
    assert free.asked == [(question, ())]


async def test_nothing_starts_without_a_yes(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    given = defined("sh", "-c", f"touch {mark}")
    hints = McpTool(name="read_file", description="Reads only.", parameters=SCHEMA)
    bench = Bench(tmp_path, approved(tmp_path, given, (hints,)).tools(), given=Permissions(mode="batch"))
    assert (await bench.call("small__read_file", text="")).is_error
    assert (await bench.call("mcp_offers", server="small")).is_error
    assert not mark.exists()


async def test_a_definition_that_changed_has_no_tools(tmp_path: Path) -> None:
    script = tmp_path / "server.sh"
    script.write_text("exit 3")
    given = defined("sh", "server.sh")
    at_work = approved(tmp_path, given, (ECHO,))
    assert McpServers(tmp_path, [given], McpApprovals(tmp_path / "kept")).tools()
    script.write_text("touch mark")
    said = await Bench(tmp_path, at_work.tools()).call("small__echo", text="")
    assert "has changed since it was approved" in said.content
    assert not (tmp_path / "mark").exists()
    assert not McpServers(tmp_path, [given], McpApprovals(tmp_path / "kept")).tools()


async def _failure(connection: McpConnection) -> str:
    with pytest.raises(ToolError) as raised:
        await connection.use(lambda session: session.tools())
    return raised.value.message


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo broken >&2; exit 3", "it has ended; its standard error ends with: broken"),
        ("exec head -c 20000000 /dev/zero", "it sent a message of more than"),
        ("exec sleep 600", "it did not answer in time"),
        ("yes >&2 & exec sleep 600", "bytes to standard error"),
        ('exec yes \'{"jsonrpc":"2.0","method":"notifications/none"}\'', "messages during one call"),
    ],
)
async def test_a_server_that_misbehaves_costs_one_call(tmp_path: Path, script: str, said: str) -> None:
    patience = 2.0 if script == "exec sleep 600" else 100.0
    connection = connected(defined("sh", "-c", script, timeout=patience), tmp_path)
    assert said in await _failure(connection)
    await connection.close()


async def test_it_is_started_again_three_times_and_then_off(tmp_path: Path) -> None:
    count = tmp_path / "count"
    connection = connected(defined("sh", "-c", f"echo >> {count}; exit 3"), tmp_path)
    for _ in range(RESTARTS + 3):
        said = await _failure(connection)
    assert count.read_text() == "\n" * (RESTARTS + 1)
    assert "is off: it failed 4 times; it has ended" in said


def test_names_do_not_clash() -> None:
    dotted, plain = McpTool(name="a.b"), McpTool(name="a_b")
    first = full_name("s", dotted)
    assert first == "s__a_b"
    second = full_name("s", plain, taken=[first])
    assert second != first
    assert len(full_name("s", McpTool(name="x" * 200))) <= 64


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"x": {"$ref": "http://127.0.0.1:1/s.json"}}},
        {"type": "object", "description": "x" * 20_000},
        {"$id": "file:///etc/passwd"},
        "no schema",
    ],
)
def test_a_schema_of_a_stranger_is_bounded_and_leads_nowhere(schema: Any) -> None:
    found = bounded_tool({"name": "n", "description": "d" * 9_000, "inputSchema": schema})
    assert found.parameters == OPEN_SCHEMA
    assert len(found.description) == DESCRIPTION


def test_a_deep_schema_is_left_out() -> None:
    schema: dict[str, Any] = {}
    for _ in range(100):
        schema = {"properties": {"x": schema}}
    assert bounded_tool({"name": "n", "inputSchema": schema}).parameters == OPEN_SCHEMA


async def test_many_tools_show_their_schemas_when_asked(tmp_path: Path) -> None:
    many = tuple(ECHO.model_copy(update={"name": f"tool_{number}"}) for number in range(100))
    found = Registry(approved(tmp_path, defined("sh"), many).tools())
    spec = found.get("small__tool_7").spec
    assert spec.parameters == OPEN_SCHEMA
    assert "mcp_describe" in spec.description
    bench = Bench(tmp_path, tuple(found.get(each.name) for each in found.specs))
    told = json.loads((await bench.call("mcp_describe", name="small__tool_7")).content)
    assert told["parameters"] == SCHEMA
    assert not bench.asked, "nothing was started for it"
