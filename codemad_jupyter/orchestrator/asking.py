"""The request a prompt comes to: one function for a run and for the preview, so that they cannot differ."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from codemad_jupyter.config.redaction import masked_places
from codemad_jupyter.context.budget import DEFAULT_WINDOW, tokens
from codemad_jupyter.gateway.choosing import Choice
from codemad_jupyter.gateway.provider import Provider, Request
from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
from codemad_jupyter.orchestrator.context import Surroundings, build_context, system_prompt
from codemad_jupyter.orchestrator.privacy import Guarded, leaves, level_for, outgoing
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.protocol.commands import Prompt
from codemad_jupyter.protocol.events import ContextBuilt
from codemad_jupyter.protocol.messages import (
    ImagePart,
    Message,
    Part,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    without_images,
)
from codemad_jupyter.protocol.privacy import ContextPreview, DataLevel, PreviewPart
from codemad_jupyter.protocol.supply import Account, Purpose

IMAGE_TOKENS = 1_500


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A request that is ready, and what it goes to. ``chosen`` is the level the person chose, ``level`` the
    one that holds for the model."""

    request: Request
    provider: Provider
    built: ContextBuilt
    chosen: DataLevel
    level: DataLevel
    leaves: bool

    @property
    def masked(self) -> int:
        """How many places of the prompt and its context are masked."""
        return sum(masked_places(text) for text in map(_text, self.request.messages[-1].parts))


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What a prompt is asked with."""

    services: Services
    choice: Choice
    purpose: Purpose
    kernel: KernelPort | None
    notebook: NotebookPort | None
    warn: Callable[[str], None]
    other_session: Callable[[str, DataLevel], Awaitable[str]]
    news: Callable[[], str]
    """What became of the kernel since the model last heard of it."""


async def prepare(prompt: Prompt, history: list[Message], asking: Asking) -> Prepared:
    """Build it. ``history`` ends with the prompt's own message; nothing is sent, run or kept."""
    services, model = asking.services, asking.choice.model
    chosen = services.levels.of(prompt.target.notebook, kernel=asking.kernel is not None)
    level = level_for(model, chosen)
    fallbacks = asking.choice.fallbacks
    notebook = prompt.target.notebook
    account = Account(
        session=prompt.session,
        # The whole path: spending is counted over workspaces.
        notebook=str(services.root / notebook) if notebook else "",
        purpose=asking.purpose,
    )
    provider = services.router.provider_for(model, fallbacks=fallbacks, account=account)
    served = services.router.serving(asking.purpose)
    info = services.router.catalog.info(model)
    where = Surroundings(
        root=services.root,
        kernel=asking.kernel,
        notebook=asking.notebook,
        deadline=services.inspect_deadline,
        redact=services.redact,
        warn=asking.warn,
        level=level,
        other_session=lambda session: asking.other_session(session, level),
        news=asking.news,
    )
    messages, built = await build_context(prompt, history, where, window=info.window)
    request = Request(
        model=model,
        system=system_prompt(),
        messages=outgoing(messages if info.images else without_images(messages), level, services.redact),
        tools=services.registry.specs,
        max_tokens=min(served.max_output_tokens, info.max_output or served.max_output_tokens),
        thinking=info.thinking,
        timeout=served.timeout,
    )
    return Prepared(
        request=request,
        provider=Guarded(provider, redact=services.redact, level=level),
        built=built,
        chosen=chosen,
        level=level,
        leaves=leaves(model, services.router.config, fallbacks),
    )


def preview_of(prepared: Prepared) -> ContextPreview:
    """What the request holds, part by part, in the order in which it is sent."""
    request = prepared.request
    cut = {segment.name for segment in prepared.built.segments if segment.truncated}
    specs = json.dumps([spec.model_dump() for spec in request.tools], ensure_ascii=False)
    parts = [_part("instructions", request.system), _part("tools", specs)]
    *earlier, last = request.messages
    for number, message in enumerate(earlier, start=1):
        parts += [_part(f"history {number}: {message.role}", _text(part)) for part in message.parts]
    *context, prompt = last.parts
    for part in context:
        name = _name(part)
        parts.append(_part(name, _text(part), truncated=name in cut))
    parts.append(_part("prompt", _text(prompt)))
    images = sum(_images(part) for message in request.messages for part in message.parts)
    return ContextPreview(
        model=request.model,
        level=prepared.chosen,
        parts=tuple(part for part in parts if part.text),
        tokens=sum(part.tokens for part in parts) + IMAGE_TOKENS * images,
        window=prepared.built.window or DEFAULT_WINDOW,
        images=images,
        leaves=prepared.leaves,
    )


def _part(name: str, text: str, *, truncated: bool = False) -> PreviewPart:
    places = masked_places(text)
    return PreviewPart(name=name, text=text, tokens=tokens(text), truncated=truncated, masked=places)


def _text(part: Part) -> str:
    """The text of a part as it goes on the wire."""
    match part:
        case ToolResultPart():
            return part.content
        case ToolCallPart():
            return json.dumps(part.arguments, ensure_ascii=False)
        case ImagePart():
            return ""
        case _:
            return part.text


def _images(part: Part) -> int:
    return len(part.images) if isinstance(part, ToolResultPart) else int(isinstance(part, ImagePart))


def _name(part: Part) -> str:
    """The name of a block of the context, from its tag."""
    if not isinstance(part, TextPart):
        return "image"
    tags = part.text.split("\n", 2)
    tag = tags[1] if tags[0].startswith("<context-") else tags[0]
    return tag.strip("<>").rpartition("-")[0]
