"""Asks the person at this shell: for an approval, or what an agent wants to know. Where nobody is, the answer
is no, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codemad_jupyter.app.plain_text import plain_text
from codemad_jupyter.app.question_text import chosen, shown
from codemad_jupyter.protocol.commands import AnswerQuestion, Approve, Reject
from codemad_jupyter.protocol.errors import CodemadError, NotFound

if TYPE_CHECKING:
    from codemad_jupyter.app.client import EngineClient
    from codemad_jupyter.protocol.events import ApprovalAsked, QuestionAsked


def answer(event: ApprovalAsked, client: EngineClient, *, headless: bool) -> str:
    """Ask, tell the engine, and say in a sentence how it went."""
    yes = not headless and _asked(event)
    command = Approve(session=event.session, approval=event.approval, digest=event.digest)
    refusal = Reject(session=event.session, approval=event.approval, reason="the person said no")
    try:
        client.submit(command if yes else refusal)
    except NotFound as late:
        return str(late)
    return f"{'Allowed' if yes else 'Not allowed'}: {event.tool}."


def tell(event: QuestionAsked, client: EngineClient, *, headless: bool) -> str:
    """Ask what an agent wants to know, tell the engine, and say how it went."""
    said = None if headless else _told(event)
    try:
        client.submit(AnswerQuestion(session=event.session, question=event.question, answer=said))
    except CodemadError as late:
        return str(late)
    return f"You answered: {said}" if said else "Not answered."


def _told(event: QuestionAsked) -> str | None:
    try:
        return chosen(event, input(f"{shown(event)}\n\nYour answer (empty: skip): "))
    except (EOFError, KeyboardInterrupt):
        return None


def _asked(event: ApprovalAsked) -> bool:
    question = f"CodeMAD wants to use {event.tool}:\n\n{plain_text(event.action)}\n\nAllow it? [y/N] "
    try:
        return input(question).strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        return False
