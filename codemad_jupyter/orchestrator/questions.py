"""Puts an agent's questions to the person, and waits for the answers. What is answered is the person's word;
nothing is allowed or changed by it. A question lives as long as what waits for it, as an approval does.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from codemad_jupyter.orchestrator.state import State
from codemad_jupyter.protocol.commands import AnswerQuestion
from codemad_jupyter.protocol.errors import Conflict, ToolError, UsageError
from codemad_jupyter.protocol.events import Event, QuestionAsked, QuestionSettled
from codemad_jupyter.tools.proposals import new_id

DEAD = "The process that asked has ended, so nothing waits for the answer. Ask again."
MOST = 20_000
"""Characters of an answer."""
_GO_ON = "Go on without: choose what is easiest to take back, and say what you assumed."


class Questions:
    """The open questions of one session."""

    def __init__(self, emit: Callable[..., Event], *, patience: float) -> None:
        self._emit = emit
        self._patience = patience
        self._open: dict[str, asyncio.Future[str | None]] = {}

    async def ask(self, text: str, options: tuple[str, ...], *, emit: Callable[[Event], object]) -> str:
        """Ask and wait; ``emit`` says it as the agent that asks. Raises `ToolError` without an answer."""
        question = new_id("question")
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._open[question] = answer
        expires = time.time() + self._patience
        emit(QuestionAsked(question=question, text=text, options=options, expires=expires))
        settled = QuestionSettled(question=question, status="expired", answer="nobody answered in time")
        try:
            said = await asyncio.wait_for(answer, self._patience)
            settled = QuestionSettled(
                question=question, status="declined" if said is None else "answered", answer=said or ""
            )
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            settled = QuestionSettled(question=question, status="expired", answer="its run was stopped")
            raise
        finally:
            del self._open[question]
            emit(settled)
        if settled.status == "answered":
            return settled.answer
        why = "did not want to answer" if settled.status == "declined" else "did not answer in time"
        raise ToolError(f"The person {why}.", hint=_GO_ON)

    def answer(self, command: AnswerQuestion) -> None:
        """Take the person's answer, once. Raises `Conflict` and `UsageError`."""
        waiting = self._open.get(command.question)
        if waiting is None or waiting.done():
            hint = "It was answered, timed out, or its run ended."
            raise Conflict("This question is not open any more.", hint=hint)
        if command.answer is not None and not command.answer.strip():
            raise UsageError("The answer is empty.", hint="Write one, or skip the question.")
        if len(command.answer or "") > MOST:
            hint = "Put the text into a file of the workspace and name the file."
            raise UsageError(f"An answer has at most {MOST:,} characters.", hint=hint)
        waiting.set_result(command.answer)

    def settle_dead(self, state: State) -> bool:
        """Settle what the store holds as open and nothing waits for. Was there any?"""
        dead = [asked for id, asked in state.questions.items() if id not in self._open]
        for asked in dead:
            settled = QuestionSettled(question=asked.question, status="expired", answer=DEAD)
            self._emit(settled, run=asked.run)
        return bool(dead)


@dataclass(frozen=True)
class PersonOfRun:
    """The person, as one agent of a run may ask them; see `tools.reach.AsksPerson`."""

    questions: Questions
    emit: Callable[[Event], object]
    redact: Callable[[str], str]

    async def ask(self, text: str, options: tuple[str, ...]) -> str:
        """See `AsksPerson.ask`."""
        shown = tuple(self.redact(option) for option in options)
        return await self.questions.ask(self.redact(text), shown, emit=self.emit)
