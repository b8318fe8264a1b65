"""Tools as a run uses them: checked, prepared, let through the gate."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from codemad_jupyter.hooks import plugin_manager
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.events import Event
from codemad_jupyter.protocol.messages import ToolCallPart, ToolResultPart
from codemad_jupyter.protocol.permissions import AuditLine
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.tools.catalog import BUILT_IN
from codemad_jupyter.tools.executor import Executor
from codemad_jupyter.tools.gate import Answered, Gate, Question, Who
from codemad_jupyter.tools.jobs import Commands, Jobs
from codemad_jupyter.tools.permissions import Permissions
from codemad_jupyter.tools.tool import Registry, Tool, ToolContext
from tests.tools.taken import Taken


def bare_context(root: Path, **more: Any) -> ToolContext:
    """A context with real commands and nothing else."""
    commands = Commands(Jobs(root), nullcontext)
    given: dict[str, Any] = {"kernel": None, "notebook": None, "commands": commands, "asked": True}
    return ToolContext(root=root, target=Target(), proposals=Taken([]), **(given | more))


async def use(tool: Tool, context: ToolContext, **arguments: Any) -> Any:
    """What the tool answers, without a gate."""
    checked = tool.check(arguments)
    if tool.prepare is not None:
        context = replace(context, prepared=(await tool.prepare(context, checked)).work)
    return await tool.function(context, **checked)


class User:
    """An executor, the person who answers, and what was asked and written down."""

    def __init__(
        self,
        context: ToolContext,
        *,
        given: Permissions | None = None,
        answer: Literal["approved", "rejected"] = "approved",
        level: DataLevel = "outputs",
        redact: Callable[[str], str] = str,
    ) -> None:
        self.asked: list[Question] = []
        self.audit: list[AuditLine] = []
        self.events: list[Event] = []

        async def ask(question: Question) -> Answered:
            self.asked.append(question)
            return Answered(answer)

        async def granted() -> Permissions:
            return given or Permissions()

        gate = Gate(
            granted=granted,
            ask=ask,
            record=self.audit.append,
            redact=redact,
            hooks=plugin_manager(discover=False),
            who=Who(session="s", run="r", edge="test"),
        )
        self._executor = Executor(
            Registry(BUILT_IN),
            context=replace(context, asked=False),
            gate=gate,
            emit=self.events.append,
            redact=redact,
            restore=str,
            level=level,
        )

    async def call(self, name: str, /, **arguments: Any) -> ToolResultPart:
        """One call."""
        return await self._executor.call(ToolCallPart(id="c", name=name, arguments=arguments))
