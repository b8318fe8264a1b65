"""One session at work: the commands that concern it alone, its run, and what must not happen at once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import assert_never

from codemad_jupyter.orchestrator import (
    branch_merging,
    bringing_in,
    half_done,
    merging,
    plans,
    run_review,
    timeline,
)
from codemad_jupyter.orchestrator import undo as undoing
from codemad_jupyter.orchestrator.acting import restored_line
from codemad_jupyter.orchestrator.checkpointing import Checkpointer
from codemad_jupyter.orchestrator.choosing import Choosing, choose
from codemad_jupyter.orchestrator.committing import commit_if_due
from codemad_jupyter.orchestrator.compacting import Compactor
from codemad_jupyter.orchestrator.desk import desk_of
from codemad_jupyter.orchestrator.executing import notice_of
from codemad_jupyter.orchestrator.insight import Insight
from codemad_jupyter.orchestrator.outside import OutsideDesk
from codemad_jupyter.orchestrator.pruning import Gardener
from codemad_jupyter.orchestrator.roll import MAIN, Roll
from codemad_jupyter.orchestrator.run import Run
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.orchestrator.slash import expanded
from codemad_jupyter.orchestrator.starting import Started, Starting
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.commands import Ack, Command, Target
from codemad_jupyter.protocol.errors import Conflict
from codemad_jupyter.protocol.events import Notice, RunFinished
from codemad_jupyter.protocol.privacy import ContextPreview
from codemad_jupyter.store.checkpoints import CheckpointRecord

ENDING = 0.5
"""Seconds in which a cell that has been run is written down."""
STOP_LIMIT = 5.0
"""Seconds that a stopped run may take to end."""


class ActiveSession:
    """A session that is loaded, and what works on it. ``busy_runs`` names the runs of all sessions."""

    def __init__(
        self,
        services: Services,
        session: Session,
        *,
        insight: Insight,
        gardener: Gardener,
        busy_runs: Callable[[], set[str]],
    ) -> None:
        self.session = session
        self.run: str | None = None
        self._services = services
        self._insight = insight
        self._gardener = gardener
        self._busy_runs = busy_runs
        self.desk = desk = desk_of(services, session)
        self._compactor = Compactor(services, session)
        self._starting = Starting(
            services,
            session,
            insight=insight,
            desk=desk,
            compactor=self._compactor,
        )
        self._target = Target()
        self._task: asyncio.Task[None] | None = None
        self._roll: Roll | None = None
        self._lock = asyncio.Lock()
        self._told = False
        self.outside = OutsideDesk(services, session, desk.reviewer, desk.checkpointer, desk.approvals)

    @property
    def running(self) -> bool:
        """Does a run go on?"""
        return self._task is not None and not self._task.done()

    @property
    def busy(self) -> bool:
        """Does a run go on, a cell that an accepted edit asked for, a command in the background, or a call
        of an agent from elsewhere?"""
        return self.running or self.desk.busy or bool(self.outside.calls)

    async def prompt(self, prompt: cmd.Prompt) -> Ack:
        """Begin a run; a guest's is about what the last one was about. Raises `Conflict` while another one
        goes on."""
        if isinstance(prompt, cmd.GuestPrompt):
            prompt = prompt.model_copy(update={"target": self._target})
        return await self._start(lambda: self._starting.prompt(prompt))

    async def verify(self, command: cmd.VerifyNotebook) -> Ack:
        """Begin a run that asks no model: the notebook is run again elsewhere."""
        return await self._start(lambda: self._starting.verify(command))

    async def carry_out(self, command: cmd.ApprovePlan) -> Ack:
        """Begin a run that carries out the plan, task by task."""
        return await self._start(lambda: self._starting.carry_out(command))

    async def preview(self, prompt: cmd.Prompt) -> ContextPreview:
        """What the prompt would send now."""
        prompt = expanded(prompt, self._services.commands)
        choice, purpose = self._starting.choice_for(prompt)
        conversation = self.session.conversation
        return await self._insight.preview(prompt, conversation, choice, purpose, self.desk.watch)

    async def take(self, command: Command) -> None:
        """Do what a command asks that begins no run."""
        if isinstance(command, Choosing):
            await choose(*self._given[:2], command)
            return
        match command:
            case cmd.NameBranch():
                async with self._lock:
                    await timeline.branch(*self._given, command)
            case cmd.Cancel():
                await self._cancel(command)
            case cmd.Steer():
                self._reached(command.run).steer(command.agent, self._services.redact(command.text))
                await self.session.bus.saved()
            case cmd.Approve():
                self.desk.approvals.approve(command)
            case cmd.Reject():
                self.desk.approvals.reject(command)
            case cmd.AnswerQuestion():
                self.desk.questions.answer(command)
            case cmd.AcceptEdit() | cmd.RejectEdit() | cmd.AcceptRun() | cmd.RejectRun():
                await self._settle(command)
            case cmd.TryEdit():
                await self.desk.reviewer.try_again(command.edit)
            case cmd.MakeCheckpoint() | cmd.NameCheckpoint() | cmd.PruneCheckpoints():
                async with self._lock:
                    await timeline.keep(*self._given, command, busy=self._busy_runs())
            case cmd.RestoreCheckpoint() | cmd.Undo() | cmd.Redo() | cmd.MakeBranch() | cmd.SwitchBranch():
                await self._restore(command)
            case cmd.ResolveMerge() | cmd.MergeAgents():
                await self._bring_together(command)
            case cmd.RememberFact() | cmd.EditMemory() | cmd.ConfirmMemory() | cmd.ForgetMemory():
                self.session.bus.emit(await self._services.memories.do(command))
                await self.session.bus.saved()
            case cmd.ChangePlan() | cmd.DropPlan():
                async with self._lock:
                    self._check_free()
                    plans.change(self.session, command)
                    await self.session.bus.saved()
            case (
                cmd.NewSession()
                | cmd.Prompt()
                | cmd.VerifyNotebook()
                | cmd.ApprovePlan()
                | cmd.ForkSession()
                | cmd.ImportSession()
                | cmd.MergeBranch()
            ):
                raise AssertionError("no command that changes a session alone")
            case _:
                assert_never(command)

    async def recover(self, record: CheckpointRecord) -> None:
        """A crash ended an edit's process while it was applied."""
        await half_done.recover(*self._given, record)

    async def interrupted(self, run: str) -> None:
        """A crash ended this run: say so, once it is known."""
        plans.leave(self.session, lambda event: self.session.bus.emit(event, run=run))
        text = "Interrupted: the process that ran it ended. Ask again to go on."
        self.session.bus.emit(RunFinished(status="interrupted", text=text, cost=None), run=run)
        await self.session.bus.saved()

    def tell(self, notices: tuple[str, ...]) -> None:
        """Say once in this process what is not as it should be."""
        for text in () if self._told else notices:
            self.session.bus.emit(Notice(level="warning", code="degraded", text=text))
        self._told = True

    async def close(self) -> None:
        """Stop what runs, and store what was said."""
        await self._stop()
        self.outside.stop()
        await asyncio.gather(self.desk.reviewer.cells.stop(), self.desk.jobs.close())
        await self._compactor.stop()
        await self.session.bus.saved()

    @property
    def _given(self) -> tuple[Services, Session, Checkpointer]:
        return self._services, self.session, self.desk.checkpointer

    def _check_free(self) -> None:
        if self.running:
            raise Conflict("A run is going on in this session.", hint="Wait for it or stop it first.")

    async def _start(self, begin: Callable[[], Awaitable[Started]]) -> Ack:
        async with self._lock:
            self._check_free()
            seq = self.session.bus.seq
            self.tell(self._services.notices)
            started = await begin()
            if started.target is not None:
                self._target = started.target
            work = self._finish(started.work) if isinstance(started.work, Run) else started.work
            self.run, self._roll = started.run, started.roll
            self._task = asyncio.create_task(work, name=f"codemad {started.run}")
            return Ack(session=self.session.id, run=started.run, seq=seq)

    async def _finish(self, work: Run) -> None:
        await work.go()
        await commit_if_due(self._services, self.session, work.id)
        self._compactor.wake(work.choice.model, work.prompt.target)
        self._gardener.wake(self._busy_runs)

    def _reached(self, run: str | None) -> Roll:
        """The agents of the run that goes on, if it is this one. Raises `Conflict`."""
        if not self.running or run not in (None, self.run):
            raise Conflict("That run is over: nobody in it can be reached.", hint="Ask anew.")
        if self._roll is None:
            raise Conflict("No model is at work in this run.", hint="Wait for it, or stop it.")
        return self._roll

    async def _settle(self, command: cmd.AcceptEdit | cmd.RejectEdit | cmd.AcceptRun | cmd.RejectRun) -> None:
        if isinstance(command, cmd.AcceptRun | cmd.RejectRun):
            run: str | None = command.run
        else:
            run = self.session.state.edit_runs.get(command.edit)
        try:
            await run_review.settle(self.session, self.desk.reviewer, command)
        finally:  # where one edit of a run failed the others are settled
            async with self._lock:
                await commit_if_due(self._services, self.session, run)

    async def _bring_together(self, command: cmd.ResolveMerge | cmd.MergeAgents) -> None:
        async with self._lock:
            self._check_free()
            if isinstance(command, cmd.ResolveMerge):
                self.run = await merging.resolve(*self._given, command)
            else:
                self.run = await bringing_in.bring_in(*self._given[:2], self.desk.reviewer, command)

    async def merge(self, asked: cmd.MergeBranch, chosen: branch_merging.Chosen) -> None:
        """Take over what was chosen of another branch, in a run of its own."""
        async with self._lock:
            self._check_free()
            self.run = await branch_merging.merge(
                *self._given[:2], self.desk.reviewer, chosen=chosen, asked=asked
            )

    async def _restore(
        self, command: cmd.RestoreCheckpoint | cmd.Undo | cmd.Redo | cmd.MakeBranch | cmd.SwitchBranch
    ) -> None:
        """What brings files or the conversation to another state."""
        with contextlib.suppress(TimeoutError):  # one that has just ended is still being written down
            await asyncio.wait_for(self.desk.reviewer.cells.finished(), ENDING)
        async with self._lock, self.desk.reviewer.settling:
            if self.running or self.desk.busy or len(self.outside.calls) > 1:
                what = "A command in the background" if self.desk.jobs.busy else "A run or one of its cells"
                raise Conflict(f"{what} is going on.", hint="Stop it first, then try again.")
            if isinstance(command, cmd.MakeBranch | cmd.SwitchBranch):
                restored = await timeline.branch(*self._given, command)
            elif isinstance(command, cmd.RestoreCheckpoint):
                restored = await timeline.restore(*self._given, command)
            elif isinstance(command, cmd.Undo):
                restored = await undoing.undo(*self._given, command.run)
            else:
                restored = await undoing.redo(*self._given)
            if restored is not None:
                self.session.bus.emit(restored, run=restored.runs[0] if restored.runs else None)
                self._services.audit.record(restored_line(self.session.id, restored))
            await self.session.bus.saved()

    async def _cancel(self, command: cmd.Cancel) -> None:
        """Stop the run and the cells; with ``kill`` also what ignored an earlier stop."""
        if command.agent not in (None, MAIN):
            self._reached(command.run).stop(command.agent)
            return
        self.outside.stop(command.run)
        work = [self.desk.reviewer.cells.stop(command.run)]
        if command.run is None or command.run == self.run:
            work.append(self._stop())
        await asyncio.gather(*work)
        if not command.kill:
            return
        kernel = await self._services.ports.kernel(self._target)
        stopped = await kernel.stop_code(grace=self._services.stop_grace, kill=True) if kernel else "idle"
        notice = notice_of(stopped)
        if notice is not None:
            self.session.bus.emit(notice, run=self.run)
        if stopped == "killed":
            self.desk.watch.killed()
        await self.session.bus.saved()

    async def _stop(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=STOP_LIMIT)
