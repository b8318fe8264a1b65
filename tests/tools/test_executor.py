"""The one gate: checks, permission, approval, bounds, and the events that tell of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.hooks import hookimpl, plugin_manager
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.events import Event
from codemad_jupyter.protocol.messages import ToolCallPart
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.tools.catalog import BUILT_IN
from codemad_jupyter.tools.executor import MAX_CONTENT, Executor, Question
from codemad_jupyter.tools.permissions import Policy, decide, digest
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
        self, root: Path, *, policy: Policy = "ask", answer: bool = True, level: DataLevel = "outputs"
    ) -> None:
        self.events: list[Event] = []
        self.asked: list[Question] = []
        self.hooks = plugin_manager(discover=False)

        async def ask(question: Question) -> bool:
            self.asked.append(question)
            return answer

        context = ToolContext(root=root, target=Target(), kernel=None, notebook=None, proposals=Taken([]))
        self.executor = Executor(
            Registry((*BUILT_IN, slow_echo, launch, broken)),
            context=context,
            policy=policy,
            ask=ask,
            emit=self.events.append,
            redact=lambda text: text.replace("hunter2", "[secret]"),
            restore=lambda text: text.replace("[secret]", "hunter2"),
            level=level,
            hooks=self.hooks,
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


@pytest.mark.parametrize(("policy", "answer"), [("ask", False), ("deny", True)])
async def test_a_refused_call_does_not_run(tmp_path: Path, policy: Policy, answer: bool) -> None:
    bench = Bench(tmp_path, policy=policy, answer=answer)
    result = await bench.executor.call(call("launch", code="x"))
    assert result.is_error
    assert "launched" not in result.content
    assert bench.events[-1].type == "tool_done"
    assert bench.events[-1].status == "denied"


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


def test_permissions_are_by_risk() -> None:
    assert decide("read", "deny") == "allow"
    assert decide("write", "deny") == "allow"
    assert [decide("execute", policy) for policy in ("ask", "deny", "allow")] == ["ask", "deny", "allow"]


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="slow_echo"):
        Registry((slow_echo, slow_echo))


def test_every_built_in_tool_has_a_schema_and_a_description() -> None:
    for each in BUILT_IN:
        assert len(each.description) > 20
        assert each.spec.parameters["type"] == "object"
        assert "context" not in each.spec.parameters["properties"]
