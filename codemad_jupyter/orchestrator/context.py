"""Gathers what a prompt is about, as far as the data level allows, and fits it into the model's window."""

import asyncio
import hashlib
import html
import importlib.resources
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from codemad_jupyter.context.budget import Block, Item, Piece, Shares, fit
from codemad_jupyter.context.compaction import Shorter, fitted
from codemad_jupyter.context.memory_recall import memory_items
from codemad_jupyter.context.render import block, kernel_items, notebook_items
from codemad_jupyter.context.rules import Rule
from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
from codemad_jupyter.orchestrator.attaching import attached_image_parts, attached_text
from codemad_jupyter.orchestrator.pointing import attachments_of, pointed
from codemad_jupyter.orchestrator.session import closed
from codemad_jupyter.protocol.commands import Attachment, Prompt
from codemad_jupyter.protocol.errors import CodemadError, Denied
from codemad_jupyter.protocol.events import ContextBuilt
from codemad_jupyter.protocol.kernels import KernelReport, NotebookView
from codemad_jupyter.protocol.memories import Memory
from codemad_jupyter.protocol.messages import ImagePart, Message, TextPart
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.segments import Segment
from codemad_jupyter.protocol.tokens import IMAGE_TOKENS, message_tokens, tokens
from codemad_jupyter.tools.data_levels import limited
from codemad_jupyter.tools.files import inside

_KEY = secrets.token_bytes(32)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where the prompt was asked, as far as it can be reached, and how much of it may be told."""

    root: Path
    kernel: KernelPort | None
    notebook: NotebookPort | None
    deadline: float
    redact: Callable[[str], str]
    warn: Callable[[str], None]
    level: DataLevel
    other_session: Callable[[str], Awaitable[str]]
    memories: Callable[[str], Awaitable[Sequence[Memory]]]
    """What is remembered, what matters most to a text first."""
    news: Callable[[], str] = str
    """What became of the kernel since the model last heard of it."""
    may_read: Callable[[str], bool] = lambda path: True
    """Do the rules let a file be told?"""
    rules: Callable[[], list[Rule]] = list
    """The standing instructions that hold here."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a request may hold, in estimated tokens: ``tokens`` is the window less the reserve,
    ``instructions`` and ``tools`` are what those and the tools' descriptions take. ``window`` is the model's
    own, None when unknown."""

    tokens: int
    instructions: int
    tools: int
    window: int | None
    shares: Shares


def system_prompt(guide: str = "") -> str:
    """The instructions that every request begins with; the same bytes each time, so that they cache. A guide
    for what is asked comes after them."""
    base = importlib.resources.files(__package__).joinpath("prompts/system.md").read_text(encoding="utf-8")
    return f"{base}\n{guide}" if guide else base


async def build_context(
    prompt: Prompt, earlier: list[Message], where: Surroundings, room: Room
) -> tuple[tuple[Message, ...], ContextBuilt]:
    """The messages to send after the ``earlier`` ones, and the account of them. Raises `UsageError` when the
    prompt alone goes beyond the room."""
    mark = _mark(prompt, len(earlier))
    news = where.news()  # first: a look at a kernel that is gone takes it as told
    rules, memories, (report, unseen), view = await asyncio.gather(
        _told(where, asyncio.to_thread(where.rules), []),
        _told(where, where.memories(prompt.text), ()),
        _report(where),
        _told(where, _view(prompt, where), None),
    )
    wanted = tuple(dict.fromkeys((*prompt.attachments, *_pointed(prompt, where, report, view))))
    attached = await asyncio.gather(*(_told(where, _attached(each, where, view), "") for each in wanted))
    images = await _told(where, _images(wanted, prompt, where), ())
    kernel = (Item("what became of the kernel", news or unseen), *(kernel_items(report) if report else ()))
    pieces = [
        *(Piece(f"rules {rule.name}", "instructions", (Item(rule.name, rule.text),)) for rule in rules),
        Piece("memory", "project", memory_items(memories)),
        Piece("kernel", "task", kernel),
        Piece("notebook", "task", notebook_items(view, prompt.target.cell, mark=mark) if view else ()),
        Piece(
            "attachments",
            "task",
            tuple(Item(each.name, text) for each, text in zip(wanted, attached, strict=True)),
        ),
    ]
    complete = closed(earlier)
    fixed = {
        "instructions": room.instructions,
        "tools": room.tools,
        "images": IMAGE_TOKENS * len(images),
        "prompt": tokens(prompt.text),
    }
    budget = fit(
        [_masked(piece, where.redact) for piece in pieces],
        fixed=fixed,
        history=sum(map(message_tokens, complete)),
        room=room.tokens,
        shares=room.shares,
    )
    history = fitted(complete, limit=budget.history)
    built = _account(history, fixed, budget.segments, room.window)
    return (*history.messages, _with_context(prompt, budget.blocks, images, mark)), built


def _masked(piece: Piece, redact: Callable[[str], str]) -> Piece:
    items = tuple(Item(redact(item.label), redact(item.text), item.rank) for item in piece.items)
    return Piece(piece.name, piece.segment, items)


def _mark(prompt: Prompt, place: int) -> str:
    """What the tags of this request carry. Whoever writes into cells, files and outputs cannot know it, and
    a preview of the same prompt at the same place has the same."""
    text = f"{prompt.session}\0{place}\0{prompt.text}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, key=_KEY, digest_size=4).hexdigest()


def context_blocks(pieces: Sequence[Block], mark: str) -> list[str]:
    """The text of each piece as it is sent; the first opens the context, the last closes it."""
    blocks = [_block(piece, mark) for piece in pieces]
    if blocks:
        blocks[0] = f"<context-{mark}>\n{blocks[0]}"
        blocks[-1] = f"{blocks[-1]}\n</context-{mark}>"
    return blocks


def _block(piece: Block, mark: str) -> str:
    """The name of a piece may say which file it is from; that must not end the tag."""
    name, _, file = piece.name.partition(" ")
    return block(name, piece.text, mark=mark, attributes=f' file="{_quoted(file)}"' if file else "")


def _quoted(name: str) -> str:
    return html.escape("".join(char if char.isprintable() else "?" for char in name))


def block_name(tag: str) -> str:
    """The name of the piece that begins with this tag."""
    found = re.fullmatch(r'<(?P<name>\w+)-[0-9a-f]+(?: file="(?P<file>[^"]*)")?>', tag)
    return " ".join(filter(None, (found["name"], html.unescape(found["file"] or "")))) if found else "?"


def _with_context(
    prompt: Prompt, blocks: Sequence[Block], images: tuple[ImagePart, ...], mark: str
) -> Message:
    head = tuple(TextPart(text=text) for text in context_blocks(blocks, mark))
    return Message(role="user", parts=(*head, *images, TextPart(text=prompt.text)))


def _account(
    history: Shorter, fixed: dict[str, int], segments: tuple[Segment, ...], window: int | None
) -> ContextBuilt:
    told = Segment(
        name="history",
        tokens=history.tokens,
        truncated=bool(history.left_out),
        left_out=history.left_out,
    )
    *before, prompt = (Segment(name=name, tokens=size) for name, size in fixed.items() if size)
    every = (*before, *((told,) if history.messages or history.left_out else ()), *segments, prompt)
    return ContextBuilt(segments=every, tokens=sum(each.tokens for each in every), window=window)


async def _told(where: Surroundings, work: Awaitable[T], otherwise: T) -> T:
    try:
        return await work
    except (CodemadError, OSError) as error:
        where.warn(str(error))
        return otherwise


async def _report(where: Surroundings) -> tuple[KernelReport | None, str]:
    """What the kernel holds, or why nobody could look: the model is told so, too."""
    if where.kernel is None:
        return None, ""
    try:
        report = await where.kernel.report(deadline=where.deadline)
    except (CodemadError, OSError) as error:
        where.warn(str(error))
        return None, f"The kernel could not be looked into: {error}"
    found: KernelReport = limited(report, where.level)
    return found, ""


async def _view(prompt: Prompt, where: Surroundings) -> NotebookView | None:
    if where.notebook is None or prompt.target.notebook is None:
        return None
    _readable(where, prompt.target.notebook)
    found: NotebookView = limited(await where.notebook.view(prompt.target.notebook), where.level)
    return found


def _pointed(
    prompt: Prompt, where: Surroundings, report: KernelReport | None, view: NotebookView | None
) -> tuple[Attachment, ...]:
    """What the text of the prompt points at with ``@``."""
    names = [each.name for each in pointed(prompt.text)]
    return attachments_of(
        prompt.text,
        variables={each.name for each in report.variables} if report else (),
        cells={each.id for each in view.cells} if view else (),
        files={name for name in names if _is_file(where.root, name)},
    )


def _is_file(root: Path, name: str) -> bool:
    try:
        return inside(root, name).is_file()
    except (CodemadError, OSError, ValueError):
        return False


async def _attached(attachment: Attachment, where: Surroundings, view: NotebookView | None) -> str:
    if attachment.kind == "session":
        return await where.other_session(attachment.name)
    if attachment.kind == "file":
        _readable(where, attachment.name)
    return await attached_text(
        attachment,
        root=where.root,
        kernel=where.kernel,
        view=view,
        deadline=where.deadline,
        level=where.level,
    )


def _readable(where: Surroundings, path: str) -> None:
    if not where.may_read(path):
        raise Denied(
            f"{path} is left out: a rule says that it may not be read.",
            hint="Change the rule, if you want it read.",
        )


async def _images(wanted: tuple[Attachment, ...], prompt: Prompt, where: Surroundings) -> Any:
    outputs = [each.name for each in wanted if each.kind == "output"]
    if where.level != "images" or not outputs or where.notebook is None or prompt.target.notebook is None:
        return ()
    _readable(where, prompt.target.notebook)
    return attached_image_parts(await where.notebook.snapshot(prompt.target.notebook), outputs)
