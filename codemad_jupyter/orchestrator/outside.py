"""One tool call for an agent from elsewhere: the same executor, permissions, questions and events as for our
own, as a run of its own in that agent's session. No model is asked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from codemad_jupyter.orchestrator.approvals import Approvals
from codemad_jupyter.orchestrator.checkpointing import Checkpointer
from codemad_jupyter.orchestrator.review import Reviewer
from codemad_jupyter.orchestrator.run_ports import CheckpointedKernel, RunProposals
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import Denied
from codemad_jupyter.protocol.events import Event, RunFinished, RunStarted, RunStatus
from codemad_jupyter.protocol.messages import ToolCallPart, ToolResultPart
from codemad_jupyter.tools.executor import Executor
from codemad_jupyter.tools.gate import Answered, Question, Who
from codemad_jupyter.tools.permissions import Permissions, for_stranger, stricter
from codemad_jupyter.tools.proposals import new_id
from codemad_jupyter.tools.tool import Registry, ToolContext


@dataclass(frozen=True, kw_only=True)
class OutsideCall:
    """What an agent from elsewhere asks for. ``attended`` says whether a person could answer a question."""

    session: str
    client: str
    call: ToolCallPart
    target: Target
    tools: Registry
    attended: bool


@dataclass(frozen=True)
class OutsideDesk:
    """What serves such calls in one session. ``calls`` are those at work, with their runs."""

    services: Services
    session: Session
    reviewer: Reviewer
    checkpointer: Checkpointer
    approvals: Approvals
    seen: dict[str, str] = field(default_factory=dict)
    calls: dict[asyncio.Task[ToolResultPart], str] = field(default_factory=dict)

    async def call(self, asked: OutsideCall) -> ToolResultPart:
        """Run a call; a person may stop it like any run. Raises `Denied` when they did."""
        run = new_id("run")
        task = asyncio.create_task(self._serve(asked, run=run), name=f"codemad {run}")
        self.calls[task] = run
        try:
            return await task
        except asyncio.CancelledError:
            here = asyncio.current_task()
            if here is not None and here.cancelling():  # whoever asked has gone
                raise
            raise Denied("The person stopped this call.", hint="Ask them before you go on.") from None
        finally:
            del self.calls[task]

    def stop(self, run: str | None = None) -> None:
        """Stop one call, or all."""
        for task, of in self.calls.items():
            if run in (None, of):
                task.cancel()

    async def _serve(self, asked: OutsideCall, *, run: str) -> ToolResultPart:
        """Run the call; the run ends however the call does."""
        bus = self.session.bus
        model = f"mcp/{asked.client}"
        prompt = f"{asked.client} calls {asked.call.name}"
        bus.emit(RunStarted(prompt=prompt, model=model, edge="mcp", target=asked.target), run=run)
        await bus.saved()
        status: RunStatus = "cancelled"
        try:
            executor = await self._executor(asked, lambda event: bus.emit(event, run=run), run)
            result = await executor.call(asked.call)
            status = "failed" if result.is_error else "done"
            return result
        finally:
            bus.emit(RunFinished(status=status, text=f"Ended: {status}.", cost=None), run=run)
            await bus.saved()

    async def _executor(self, asked: OutsideCall, emit: Callable[[Event], object], run: str) -> Executor:
        services, rights = self.services, _rights(self.services.permissions, asked)
        kernel = await services.ports.kernel(asked.target)
        level = services.levels.of(asked.target.notebook, kernel=kernel is not None)
        context = ToolContext(
            root=Path(services.root),
            target=asked.target,
            kernel=CheckpointedKernel(kernel, self.checkpointer, run, emit) if kernel else None,
            notebook=await services.ports.notebook(asked.target),
            proposals=RunProposals(services, self.reviewer, run, kernel),
            inspect_deadline=services.inspect_deadline,
            seen=self.seen,
            output_limit=services.output_limit,
            cell_id=services.cell_id,
            finder=services.finder,
            diagnostics=services.diagnostics,
            announce=emit,
        )

        async def ask(question: Question) -> Answered:
            return await self.approvals.ask(question, run=run)

        return Executor(
            asked.tools,
            context=context,
            gate=services.gate(
                ask, Who(session=self.session.id, run=run, agent=asked.client, edge="mcp"), rights
            ),
            emit=emit,
            redact=services.redact,
            restore=services.redact.restored,
            level=level,
            role=rights.role,
        )


def _rights(given: Permissions, asked: OutsideCall) -> Permissions:
    """Their role is ``mcp/`` and their name."""
    mode = stricter(given.mode, "ask" if asked.attended else "batch")
    return for_stranger(replace(given, mode=mode), f"mcp/{asked.client}")
