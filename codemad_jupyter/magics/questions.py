"""Asks the person at this shell for an approval. Where nobody is, the answer is no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codemad_jupyter.app.plain_text import plain_text
from codemad_jupyter.protocol.commands import Approve, Reject
from codemad_jupyter.protocol.errors import NotFound

if TYPE_CHECKING:
    from codemad_jupyter.app.client import EngineClient
    from codemad_jupyter.protocol.events import ApprovalAsked


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


def _asked(event: ApprovalAsked) -> bool:
    question = f"CodeMAD wants to use {event.tool}:\n\n{plain_text(event.action)}\n\nAllow it? [y/N] "
    try:
        return input(question).strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        return False
