"""Gathers what a prompt is about, as far as the data level allows, and fits it into the model's window."""

import asyncio
import hashlib
import html
import importlib.resources
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from codemad_jupyter.context.budget import Piece, fit, message_tokens, recent, tokens
from codemad_jupyter.context.render import block, kernel_text, notebook_text
from codemad_jupyter.context.rules import Rule
from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
from codemad_jupyter.orchestrator.attaching import attached_image_parts, attached_text
from codemad_jupyter.orchestrator.pointing import attachments_of, pointed
from codemad_jupyter.orchestrator.session import closed
from codemad_jupyter.protocol.chunks import Segment
from codemad_jupyter.protocol.commands import Attachment, Prompt
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.events import ContextBuilt
from codemad_jupyter.protocol.kernels import KernelReport, NotebookView
from codemad_jupyter.protocol.messages import ImagePart, Message, TextPart
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.tools.data_levels import limited
from codemad_jupyter.tools.files import inside

RULES_SHARE = 0.05
HISTORY_SHARE = 0.5
"""The largest part of the window that earlier messages may take."""
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
    news: Callable[[], str] = str
    """What became of the kernel since the model last heard of it."""
    rules: Callable[[], list[Rule]] = list
    """The standing instructions that hold here."""


def system_prompt() -> str:
    """The instructions that every request begins with; the same bytes each time, so that they cache."""
    return importlib.resources.files(__package__).joinpath("prompts/system.md").read_text(encoding="utf-8")


async def build_context(
    prompt: Prompt, history: list[Message], where: Surroundings, *, window: int | None
) -> tuple[tuple[Message, ...], ContextBuilt]:
    """The messages to send (``history`` ends with the prompt's own message), and the account of them."""
    mark = _mark(prompt, len(history))
    news = where.news()  # first: a look at a kernel that is gone takes it as told
    rules, (report, unseen), view = await asyncio.gather(
        _told(where, asyncio.to_thread(where.rules), []),
        _report(where),
        _told(where, _view(prompt, where), None),
    )
    wanted = tuple(dict.fromkeys((*prompt.attachments, *_pointed(prompt, where, report, view))))
    attached = await asyncio.gather(*(_told(where, _attached(each, where, view), "") for each in wanted))
    images = await _told(where, _images(wanted, prompt, where), ())
    pieces, segments = fit(
        [
            *(
                Piece(f"rules {rule.name}", where.redact(rule.text), RULES_SHARE / len(rules))
                for rule in rules
            ),
            Piece("kernel", where.redact(_kernel(news or unseen, report)), 0.1),
            Piece("notebook", where.redact(_cells(view, prompt, mark)), 0.25),
            Piece("attachments", where.redact("\n".join(filter(None, attached))), 0.1),
        ],
        window=window,
    )
    earlier = recent(closed(history), limit=int((window or 100_000) * HISTORY_SHARE))
    built = _account(earlier, segments, prompt, window)
    return (*earlier[:-1], _with_context(prompt, pieces, images, mark)), built


def _mark(prompt: Prompt, place: int) -> str:
    """What the tags of this request carry. Whoever writes into cells, files and outputs cannot know it, and
    a preview of the same prompt at the same place has the same."""
    text = f"{prompt.session}\0{place}\0{prompt.text}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, key=_KEY, digest_size=4).hexdigest()


def context_blocks(pieces: list[Piece], mark: str) -> list[str]:
    """The text of each piece as it is sent; the first opens the context, the last closes it."""
    blocks = [_block(piece, mark) for piece in pieces]
    if blocks:
        blocks[0] = f"<context-{mark}>\n{blocks[0]}"
        blocks[-1] = f"{blocks[-1]}\n</context-{mark}>"
    return blocks


def _block(piece: Piece, mark: str) -> str:
    """The name of a piece may say which file it is from; that must not end the tag."""
    name, _, file = piece.name.partition(" ")
    return block(name, piece.text, mark=mark, attributes=f' file="{_quoted(file)}"' if file else "")


def _quoted(name: str) -> str:
    return html.escape("".join(char if char.isprintable() else "?" for char in name))


def block_name(tag: str) -> str:
    """The name of the piece that begins with this tag."""
    found = re.fullmatch(r'<(?P<name>\w+)-[0-9a-f]+(?: file="(?P<file>[^"]*)")?>', tag)
    return " ".join(filter(None, (found["name"], html.unescape(found["file"] or "")))) if found else "?"


def _with_context(prompt: Prompt, pieces: list[Piece], images: tuple[ImagePart, ...], mark: str) -> Message:
    head = tuple(TextPart(text=text) for text in context_blocks(pieces, mark))
    return Message(role="user", parts=(*head, *images, TextPart(text=prompt.text)))


def _account(
    earlier: list[Message], segments: tuple[Segment, ...], prompt: Prompt, window: int | None
) -> ContextBuilt:
    history = sum(map(message_tokens, earlier[:-1]))
    every = (
        Segment(name="instructions", tokens=tokens(system_prompt())),
        *((Segment(name="history", tokens=history),) if history else ()),
        *segments,
        Segment(name="prompt", tokens=tokens(prompt.text)),
    )
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


def _kernel(news: str, report: KernelReport | None) -> str:
    return "\n".join(filter(None, (news, kernel_text(report) if report else "")))


async def _view(prompt: Prompt, where: Surroundings) -> NotebookView | None:
    if where.notebook is None or prompt.target.notebook is None:
        return None
    found: NotebookView = limited(await where.notebook.view(prompt.target.notebook), where.level)
    return found


def _cells(view: NotebookView | None, prompt: Prompt, mark: str) -> str:
    return notebook_text(view, prompt.target.cell, mark=mark) if view else ""


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
    return await attached_text(
        attachment,
        root=where.root,
        kernel=where.kernel,
        view=view,
        deadline=where.deadline,
        level=where.level,
    )


async def _images(wanted: tuple[Attachment, ...], prompt: Prompt, where: Surroundings) -> Any:
    outputs = [each.name for each in wanted if each.kind == "output"]
    if where.level != "images" or not outputs or where.notebook is None or prompt.target.notebook is None:
        return ()
    return attached_image_parts(await where.notebook.snapshot(prompt.target.notebook), outputs)
