"""The one gate: checks, permission, approval, bounds, and the events that tell of it."""

import asyncio
from pathlib import Path
from typing import Any, Literal

import pytest

from codemad_jupyter.hooks import hookimpl, plugin_manager
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.events import Event
from codemad_jupyter.protocol.messages import ToolCallPart
from codemad_jupyter.protocol.permissions import AuditLine, Mode
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.tools.catalog import BUILT_IN
from codemad_jupyter.tools.executor import MAX_CONTENT, Executor
from codemad_jupyter.tools.gate import LONGEST, Answered, Gate, Question, Who
from codemad_jupyter.tools.permissions import Permissions, digest
from codemad_jupyter.tools.tool import Registry, ToolContext, tool
from tests.tools.taken import Taken


@tool("read")
async def slow_echo(context: ToolContext, text: str, times: int = 1) -> str:
    """Say it after a moment."""
    await asyncio.sleep(0.05)
    return text * times


@tool("execute")
async def launch(context: ToolContext, code: str) -> str:
    """Do something that needs a person."""
    return f"launched {code}"


class Bench:
    """An executor with what it said and asked."""

    def __init__(
        self,
        root: Path,
        *,
        given: Permissions | None = None,
        answer: Literal["approved", "rejected", "expired"] = "approved",
        level: DataLevel = "outputs",
    ) -> None:
        self.events: list[Event] = []
        self.asked: list[Question] = []
        self.audit: list[AuditLine] = []
        self.hooks = plugin_manager(discover=False)

        async def ask(question: Question) -> Answered:
            self.asked.append(question)
            return Answered(answer)

        async def granted() -> Permissions:
            return given or Permissions()

        def redact(text: str) -> str:
            return text.replace("hunter2", "[secret]")

        context = ToolContext(root=root, target=Target(), kernel=None, notebook=None, proposals=Taken([]))
        self.executor = Executor(
            Registry((*BUILT_IN, slow_echo, launch, broken)),
            context=context,
            gate=Gate(
                granted=granted,
                ask=ask,
                record=self.audit.append,
                redact=redact,
                hooks=self.hooks,
                who=Who(session="s", run="r", edge="test"),
            ),
            emit=self.events.append,
            redact=redact,
            restore=lambda text: text.replace("[secret]", "hunter2"),
            level=level,
        )


def call(name: str, **arguments: Any) -> ToolCallPart:
    return ToolCallPart(id=f"call-{name}", name=name, arguments=arguments)


async def test_a_call_is_told_before_and_after(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    result = await bench.executor.call(call("slow_echo", text="hi"))
    assert (result.content, result.is_error) == ("hi", False)
    assert [event.type for event in bench.events] == ["tool_called", "tool_done"]


@tool("read")
async def broken(context: ToolContext) -> str:
    """Fails in a way nobody thought of."""
    return {}["missing"]  # type: ignore[no-any-return]


async def test_a_tool_that_fails_inside_is_an_answer_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    result = await bench.executor.call(call("broken"))
    assert result.is_error
    assert "KeyError" in result.content


async def test_wrong_arguments_and_unknown_tools_are_answers(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for wrong in (call("slow_echo"), call("slow_echo", text="x", more=1), call("no_such_tool")):
        result = await bench.executor.call(wrong)
        assert result.is_error
        assert wrong.name in result.content


async def test_reading_calls_run_side_by_side_and_results_keep_their_order(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    calls = tuple(ToolCallPart(id=str(i), name="slow_echo", arguments={"text": str(i)}) for i in range(10))
    results = await bench.executor.run(calls)
    assert [result.content for result in results] == [str(i) for i in range(10)]
    starts = [event.type for event in bench.events[:10]]
    assert starts == ["tool_called"] * 10


async def test_an_approval_is_bound_to_the_exact_action(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.executor.call(call("launch", code="x = 1"))
    assert bench.asked[0].action == "x = 1"
    assert bench.asked[0].digest == digest("launch", {"code": "x = 1"})
    assert digest("launch", {"code": "x = 1"}) != digest("launch", {"code": "x = 2"})


@pytest.mark.parametrize(
    ("mode", "answer", "decision"),
    [
        ("ask", "rejected", "rejected"),
        ("ask", "expired", "expired"),
        ("batch", "approved", "denied"),
        ("plan", "approved", "denied"),
        ("auto_sandboxed", "rejected", "rejected"),
    ],
)
async def test_a_refused_call_does_not_run(
    tmp_path: Path, mode: Mode, answer: Literal["rejected", "expired"], decision: str
) -> None:
    bench = Bench(tmp_path, given=Permissions(mode=mode), answer=answer)
    result = await bench.executor.call(call("launch", code="x"))
    assert result.is_error
    assert "launched" not in result.content
    assert bench.events[-1].type == "tool_done"
    assert bench.events[-1].status == "denied"
    assert [(line.decision, line.outcome) for line in bench.audit] == [(decision, "not done")]


async def test_a_hook_can_refuse(tmp_path: Path) -> None:
    class Guard:
        @hookimpl
        def before_tool(self, tool: str, arguments: dict[str, Any]) -> str | None:
            return "not on Sundays" if tool == "slow_echo" else None

    bench = Bench(tmp_path)
    bench.hooks.register(Guard())
    result = await bench.executor.call(call("slow_echo", text="hi"))
    assert result.is_error
    assert "not on Sundays" in result.content


async def test_long_answers_are_cut_with_a_mark_and_secrets_masked(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    long = await bench.executor.call(call("slow_echo", text="x", times=100_000))
    assert len(long.content) < MAX_CONTENT + 100
    assert "characters cut" in long.content
    secret = await bench.executor.call(call("slow_echo", text="password hunter2"))
    assert "hunter2" not in secret.content
    assert all("hunter2" not in getattr(event, "content", "") for event in bench.events)


async def test_without_a_kernel_or_notebook_the_answer_says_what_to_do(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for name in ("list_variables", "read_notebook"):
        result = await bench.executor.call(call(name))
        assert result.is_error
        assert "Open a notebook" in result.content


async def test_a_hook_that_breaks_lets_nothing_through_and_none_can_change_what_runs(tmp_path: Path) -> None:
    class Broken:
        @hookimpl
        def before_tool(self, tool: str, arguments: dict[str, Any]) -> str | None:
            arguments["code"] = "something else"
            if tool == "slow_echo":
                raise RuntimeError("out of order")
            return None

    bench = Bench(tmp_path)
    bench.hooks.register(Broken())
    assert (await bench.executor.call(call("slow_echo", text="hi"))).is_error
    assert (await bench.executor.call(call("launch", code="x"))).content == "launched x"


async def test_what_runs_is_what_was_approved_with_secrets_brought_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.executor.call(call("launch", code="login('[secret]')"))
    question = bench.asked[0]
    assert question.digest == digest("launch", {"code": "login('hunter2')"})
    assert question.action == "login('[secret]')"
    (line,) = bench.audit
    assert (line.decision, line.outcome, line.tool, line.axis) == (
        "approved",
        "done",
        "launch",
        "kernel_mutate",
    )
    assert "hunter2" not in line.model_dump_json()


async def test_what_is_too_long_to_be_shown_is_not_asked(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    result = await bench.executor.call(call("launch", code="x" * (LONGEST + 1)))
    assert result.is_error
    assert (bench.asked, "too long" in result.content) == ([], True)


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="slow_echo"):
        Registry((slow_echo, slow_echo))


def test_every_built_in_tool_has_a_schema_and_a_description() -> None:
    for each in BUILT_IN:
        assert len(each.description) > 20
        assert each.spec.parameters["type"] == "object"
        assert "context" not in each.spec.parameters["properties"]
