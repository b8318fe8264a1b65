"""The last step of deciding on an intent: a small model, where one is set for it and words leave doubt."""

import asyncio
import importlib.resources
import re
from typing import get_args

from codemad_jupyter.gateway.choosing import Need
from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.orchestrator.intent import LOOKED_AT, Decision, decide
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.side_call import answer_to
from codemad_jupyter.protocol.commands import Intent, Prompt
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.supply import Account

DEADLINE = 4.0
"""Seconds after which the words decide alone: nobody waits long for what may be guessed."""
_INTENTS: tuple[Intent, ...] = tuple(each for each in get_args(Intent) if each not in ("auto", "team"))
"""A team costs as much as several runs: nobody but the person asks for one."""


async def decided(prompt: Prompt, services: Services) -> Decision:
    """What the prompt asks for. Never fails: what went wrong is named in the decision."""
    first = decide(prompt.text, prompt.intent)
    if first.sure:
        return first
    choice = services.router.choose_beside(Need(purpose="classify"), default=None)
    if choice is None:
        return first
    request = Request(
        model=choice.model,
        system=importlib.resources.files(__package__).joinpath("prompts/classify.md").read_text("utf-8"),
        messages=(Message.user(prompt.text[:LOOKED_AT]),),
        max_tokens=20,
        timeout=DEADLINE,
    )
    account = Account(session=prompt.session, purpose="classify")
    try:
        async with asyncio.timeout(DEADLINE):
            said = await answer_to(services, request, account=account, fallbacks=choice.fallbacks)
    except TimeoutError:
        return _without(first, f"{choice.model} did not say within {DEADLINE:g} s what is asked for")
    except CodemadError as error:
        return _without(first, f"{choice.model} could not say what is asked for ({error.message})")
    word = re.search(r"[a-z]+", said.lower())
    for intent in _INTENTS:
        if word is not None and intent == word[0]:
            return Decision(intent, f"{choice.model} reads it so")
    return _without(first, f"{choice.model} named nothing that can be asked for")


def _without(first: Decision, why: str) -> Decision:
    return first._replace(problem=f"{why}; it is taken as “{first.intent}” by its words.")
