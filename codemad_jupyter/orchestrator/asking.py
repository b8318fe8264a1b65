"""The request a prompt comes to: one function for a run and for the preview, so that they cannot differ."""

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from codemad_jupyter.config.redaction import masked_places
from codemad_jupyter.context.budget import DEFAULT_WINDOW
from codemad_jupyter.context.memory_recall import memory_line
from codemad_jupyter.context.rules import Rule, read_rules
from codemad_jupyter.gateway.choosing import Choice
from codemad_jupyter.gateway.provider import ModelInfo, Provider, Request
from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
from codemad_jupyter.orchestrator.context import Room, Surroundings, block_name, build_context, system_prompt
from codemad_jupyter.orchestrator.equipment import Equipment
from codemad_jupyter.orchestrator.privacy import Guarded, leaves, level_for, outgoing
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Conversation
from codemad_jupyter.protocol.commands import Prompt
from codemad_jupyter.protocol.events import ContextBuilt
from codemad_jupyter.protocol.memories import Memory
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
from codemad_jupyter.protocol.tokens import IMAGE_TOKENS, tokens
from codemad_jupyter.tools.permissions import may_read


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A request that is ready, and what it goes to. ``chosen`` is the level the person chose, ``level`` the
    one that holds for the model, ``room`` what a request may hold in estimated tokens, ``recalled`` the
    remembered facts that are in it."""

    request: Request
    provider: Provider
    built: ContextBuilt
    chosen: DataLevel
    level: DataLevel
    leaves: bool
    room: int
    recalled: tuple[Memory, ...]

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
    equipment: Equipment
    kernel: KernelPort | None
    notebook: NotebookPort | None
    warn: Callable[[str], None]
    other_session: Callable[[str, DataLevel], Awaitable[str]]
    news: Callable[[], str]
    """What became of the kernel since the model last heard of it."""


async def prepare(prompt: Prompt, conversation: Conversation, asking: Asking) -> Prepared:
    """Build it. The conversation ends with the prompt's own message; nothing is sent, run or kept."""
    services, model = asking.services, asking.choice.model
    chosen = services.levels.of(prompt.target.notebook, kernel=asking.kernel is not None)
    level = level_for(model, chosen)
    fallbacks = asking.choice.fallbacks
    notebook = prompt.target.notebook
    account = Account(
        session=prompt.session,
        # The whole path: spending is counted over workspaces.
        notebook=str(services.home / notebook) if notebook else "",
        purpose=asking.purpose,
    )
    provider = services.router.provider_for(model, fallbacks=fallbacks, account=account)
    served = services.router.serving(asking.purpose)
    info = services.router.catalog.info(model)
    facts: list[Memory] = []

    async def recalling(text: str) -> list[Memory]:
        facts.extend(await services.memories.for_prompt(text, prompt.session, level))
        return facts

    where = Surroundings(
        root=services.root,
        kernel=asking.kernel,
        notebook=asking.notebook,
        deadline=services.inspect_deadline,
        redact=services.redact,
        warn=asking.warn,
        level=level,
        other_session=lambda session: asking.other_session(session, level),
        memories=recalling,
        news=asking.news,
        rules=lambda: _rules(prompt, services),
        may_read=may_read(asking.equipment.rights, services.root, asking=True),
    )
    system, tools = system_prompt(asking.equipment.guide), asking.equipment.tools.specs
    taken = tokens(system), sum(tokens(spec.model_dump_json()) for spec in tools)
    room = _room(services, info, prompt=tokens(prompt.text), taken=taken)
    earlier = conversation.at(level)[:-1]
    messages, built = await build_context(prompt, earlier, where, room)
    request = Request(
        model=model,
        system=system,
        messages=outgoing(messages if info.images else without_images(messages), level, services.redact),
        tools=tools,
        max_tokens=_answer_room(services, info, built.tokens, most=served.max_output_tokens),
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
        room=room.tokens,
        recalled=tuple(_sent(facts, request.messages[-1])),
    )


def _sent(facts: Sequence[Memory], message: Message) -> Iterator[Memory]:
    """Those whose line is in the message: the budget may have left out others."""
    lines = {line for part in message.parts if isinstance(part, TextPart) for line in part.text.splitlines()}
    return (fact for fact in facts if memory_line(fact) in lines)


def _room(services: Services, info: ModelInfo, *, prompt: int, taken: tuple[int, int]) -> Room:
    """The window less the reserve, in estimated tokens: divided by what one of them is in the model's own.
    Where the window is unknown a long prompt is not refused: only the model can tell."""
    usable = (info.window or DEFAULT_WINDOW + prompt) * (1 - services.shares.reserve)
    return Room(
        tokens=int(usable / services.gauge.factor(info.name)),
        instructions=taken[0],
        tools=taken[1],
        window=info.window,
        shares=services.shares,
    )


def _answer_room(services: Services, info: ModelInfo, used: int, *, most: int) -> int:
    """Tokens the answer may take: as set, as the model can, and no more than its window leaves."""
    most = min(most, info.max_output or most)
    if info.window is None:
        return most
    left = info.window - int(used * services.gauge.factor(info.name))
    return max(min(most, left), 1)


def _rules(prompt: Prompt, services: Services) -> list[Rule]:
    """Those for the notebook at hand, else for the first file that was attached."""
    files = (each.name for each in prompt.attachments if each.kind == "file")
    at = prompt.target.notebook or next(files, None)
    return read_rules(services.home, at=at, own=services.own_rules, trusted=services.trusted)


def preview_of(prepared: Prepared) -> ContextPreview:
    """What the request holds, part by part, in the order in which it is sent."""
    request = prepared.request
    cut = {segment.name: segment.left_out for segment in prepared.built.segments}
    specs = json.dumps([spec.model_dump() for spec in request.tools], ensure_ascii=False)
    parts = [_part("instructions", request.system), _part("tools", specs)]
    *earlier, last = request.messages
    gone = cut.get("history", ())
    for number, message in enumerate(earlier, start=1):
        for part in message.parts:
            parts.append(_part(f"history {number}: {message.role}", _text(part), left_out=gone))
            gone = ()
    *context, prompt = last.parts
    parts += [_part(_name(part), _text(part), left_out=cut.get(_name(part), ())) for part in context]
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


def _part(name: str, text: str, *, left_out: tuple[str, ...] = ()) -> PreviewPart:
    return PreviewPart(
        name=name,
        text=text,
        tokens=tokens(text),
        truncated=bool(left_out),
        masked=masked_places(text),
        left_out=left_out,
    )


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
    return block_name(tags[1] if tags[0].startswith("<context-") else tags[0])


def masked_text(places: int) -> str:
    """What the person is told of masked secrets."""
    what = "1 secret was" if places == 1 else f"{places} secrets were"
    return f"{what} masked in what is sent. The model sees a placeholder in its place."
