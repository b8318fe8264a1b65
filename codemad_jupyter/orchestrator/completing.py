"""The continuation of what a person types: one short call of a small model, no tools, no session.

Off until somebody chooses a model for it. Whoever asks cancels a request that is out of date.
"""

import importlib.resources
import re

from codemad_jupyter.gateway.choosing import Need
from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.side_call import answer_to
from codemad_jupyter.protocol.completions import Completion, CompletionRequest
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.supply import Account

BEFORE, AFTER, EARLIER = 6_000, 2_000, 4_000
"""Characters that are sent of each part: those nearest to the cursor."""
MAX_TOKENS = 200
MOST_LINES = 12
PATIENCE = 10.0
"""Seconds of silence after which a completion comes too late."""
FENCE = re.compile(r"\A\s*```[\w+-]*\n(.*?)\n?```\s*\Z", re.DOTALL)


async def complete(services: Services, request: CompletionRequest) -> Completion:
    """What could follow. Raises `ModelError` when the model fails."""
    choice = services.router.choose_beside(Need(purpose="complete"), default=services.completion_model)
    if choice is None:
        return Completion(off=True)
    model = choice.model
    if not request.prefix.strip():
        return Completion(model=model)
    asked = Request(
        model=model,
        system=_instructions(),
        messages=(Message.user(_question(request)),),
        max_tokens=MAX_TOKENS,
        temperature=0.0,
        timeout=PATIENCE,
    )
    # A second model would come after the person has typed on: none steps in.
    answer = await answer_to(services, asked, account=Account(purpose="complete"))
    return Completion(text=fitted(answer, request), model=model)


def _instructions() -> str:
    return importlib.resources.files(__package__).joinpath("prompts/complete.md").read_text(encoding="utf-8")


def _question(request: CompletionRequest) -> str:
    earlier = "\n\n".join(request.earlier)[-EARLIER:]
    head = f"<earlier>\n{earlier}\n</earlier>\n" if earlier else ""
    return (
        f"Language: {request.language}\n{head}<before>{request.prefix[-BEFORE:]}</before>\n"
        f"<after>{request.suffix[:AFTER]}</after>"
    )


def fitted(answer: str, request: CompletionRequest) -> str:
    """The answer as it fits at the cursor: no fence, nothing that stands before or after it already."""
    fenced = FENCE.match(answer)
    text = fenced.group(1) if fenced else answer.strip("\n") if not answer.startswith("\n") else answer
    line = request.prefix.rpartition("\n")[2]
    if line.strip() and text.startswith(line):
        text = text[len(line) :]
    lines = text.rstrip().split("\n")[:MOST_LINES]
    text = "\n".join(lines)
    return text[: len(text) - _overlap(text, request.suffix)]


def _overlap(text: str, suffix: str) -> int:
    """Characters at the end of the text with which the rest of the line begins anyway."""
    rest = suffix.partition("\n")[0]
    return next((size for size in range(min(len(text), len(rest)), 0, -1) if text.endswith(rest[:size])), 0)
