"""Asks a person before an action, and waits for the answer. No answer in time is a no."""

import asyncio
from collections.abc import Callable

from codemad_jupyter.protocol.errors import Conflict
from codemad_jupyter.protocol.events import ApprovalAsked, ApprovalSettled, Event
from codemad_jupyter.tools.executor import Question
from codemad_jupyter.tools.proposals import new_id


class Approvals:
    """The open questions of one session."""

    def __init__(self, emit: Callable[..., Event], *, patience: float) -> None:
        self._emit = emit
        self._patience = patience
        self._open: dict[str, asyncio.Future[tuple[bool, str]]] = {}

    async def ask(self, question: Question, *, run: str) -> bool:
        """Ask and wait; a time-out or the end of the run settles it as expired."""
        approval = new_id("approval")
        answer: asyncio.Future[tuple[bool, str]] = asyncio.get_running_loop().create_future()
        self._open[approval] = answer
        asked = ApprovalAsked(
            approval=approval,
            call=question.call,
            tool=question.tool,
            action=question.action,
            reason=question.reason,
            digest=question.digest,
        )
        self._emit(asked, run=run)
        settled = ApprovalSettled(approval=approval, decision="expired", reason="nobody answered in time")
        try:
            yes, reason = await asyncio.wait_for(answer, self._patience)
            decision = "approved" if yes else "rejected"
            settled = settled.model_copy(update={"decision": decision, "reason": reason})
            return yes
        except TimeoutError:
            return False
        finally:
            del self._open[approval]
            self._emit(settled, run=run)

    def answer(self, approval: str, *, yes: bool, reason: str = "") -> None:
        """Answer a question, once; raises `Conflict` when it is not open."""
        waiting = self._open.get(approval)
        if waiting is None or waiting.done():
            raise Conflict(
                "This approval is not open any more.", hint="It was answered, timed out, or its run ended."
            )
        waiting.set_result((yes, reason))
