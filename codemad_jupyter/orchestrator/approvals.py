"""Asks a person before an action, and waits for the answer. No answer in time is a no.

A question lives as long as what waits for it: one that is found in the store when its session is loaded
belonged to a process that ended, and is settled as expired (`settle_dead`).
"""

import asyncio
import time
from collections.abc import Callable

from codemad_jupyter.config.allowed import AllowedActions
from codemad_jupyter.orchestrator.state import State
from codemad_jupyter.protocol.commands import Approve, Reject
from codemad_jupyter.protocol.errors import Conflict, Denied, StoreError
from codemad_jupyter.protocol.events import ApprovalAsked, ApprovalSettled, Event, Notice
from codemad_jupyter.tools.gate import Answered, Question
from codemad_jupyter.tools.proposals import new_id

DEAD = "The process that asked has ended, so nothing waits for the answer. Nothing was done; ask again."


class Approvals:
    """The open questions of one session."""

    def __init__(self, emit: Callable[..., Event], *, patience: float, allowed: AllowedActions) -> None:
        self._emit = emit
        self._patience = patience
        self._allowed = allowed
        self._open: dict[str, tuple[Question, str, asyncio.Future[Answered]]] = {}

    async def ask(self, question: Question, *, run: str) -> Answered:
        """Ask and wait; a time-out or the end of the run settles it as expired."""
        approval = new_id("approval")
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._open[approval] = (question, run, answer)
        self._emit(_asked(approval, question, expires=time.time() + self._patience), run=run)
        answered = Answered("expired", "nobody answered in time")
        try:
            answered = await asyncio.wait_for(answer, self._patience)
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            answered = Answered("expired", "its run was stopped")
            raise
        finally:
            del self._open[approval]
            settled = ApprovalSettled(approval=approval, decision=answered.decision, reason=answered.reason)
            self._emit(settled, run=run)
        return answered

    def run_of(self, approval: str) -> str | None:
        """The run that waits for this answer; None when it is not open."""
        found = self._open.get(approval)
        return found[1] if found is not None else None

    def approve(self, command: Approve) -> None:
        """Allow what was asked, once. Raises `Conflict` when it is not open or was another action."""
        question, run, waiting = self._waiting(command.approval)
        if command.digest != question.digest:
            raise Conflict(
                "This answer is about another action than the one that waits.",
                hint="Look at the question again and answer it there.",
            )
        if command.always:
            if not question.keepable:
                raise Denied("This cannot be allowed for good.", hint="Allow it once, or refuse it.")
            try:
                self._allowed.keep(question.digest, tool=question.tool, action=question.action)
            except StoreError as error:
                self._emit(Notice(level="warning", code="not_kept", text=str(error)), run=run)
        waiting.set_result(Answered("approved", "always" if command.always else ""))

    def reject(self, command: Reject) -> None:
        """Refuse what was asked, once. Raises `Conflict`."""
        self._waiting(command.approval)[2].set_result(Answered("rejected", command.reason))

    def settle_dead(self, state: State) -> bool:
        """Settle what the store holds as open and nothing waits for. Was there any?"""
        dead = [asked for id, asked in state.approvals.items() if id not in self._open]
        for asked in dead:
            settled = ApprovalSettled(approval=asked.approval, decision="expired", reason=DEAD)
            self._emit(settled, run=asked.run)
        return bool(dead)

    def _waiting(self, approval: str) -> tuple[Question, str, asyncio.Future[Answered]]:
        found = self._open.get(approval)
        if found is None or found[2].done():
            raise Conflict(
                "This approval is not open any more.", hint="It was answered, timed out, or its run ended."
            )
        return found


def _asked(approval: str, question: Question, *, expires: float) -> ApprovalAsked:
    return ApprovalAsked(
        approval=approval,
        call=question.call,
        tool=question.tool,
        action=question.action,
        reason=question.reason,
        digest=question.digest,
        axis=question.axis,
        commands=question.commands,
        rule=question.rule,
        keepable=question.keepable,
        expires=expires,
    )
