"""Gathers what a prompt is about and fits it into the model's window."""

import asyncio
import importlib.resources
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.context.budget import Piece, fit, message_tokens, recent, tokens
from codemad_jupyter.context.render import kernel_text, notebook_text
from codemad_jupyter.context.rules import read_rules
from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
from codemad_jupyter.orchestrator.session import closed
from codemad_jupyter.protocol.chunks import Segment
from codemad_jupyter.protocol.commands import Attachment, Prompt
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.events import ContextBuilt
from codemad_jupyter.protocol.kernels import KernelReport
from codemad_jupyter.protocol.messages import Message, TextPart
from codemad_jupyter.tools.files import read_text

HISTORY_SHARE = 0.5
"""The largest part of the window that earlier messages may take."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where the prompt was asked, as far as it can be reached."""

    root: Path
    kernel: KernelPort | None
    notebook: NotebookPort | None
    deadline: float
    redact: Callable[[str], str]
    warn: Callable[[str], None]
    news: Callable[[], str] = str
    """What became of the kernel since the model last heard of it."""


def system_prompt() -> str:
    """The instructions that every request begins with; the same bytes each time, so that they cache."""
    return importlib.resources.files(__package__).joinpath("prompts/system.md").read_text(encoding="utf-8")


async def build_context(
    prompt: Prompt, history: list[Message], where: Surroundings, *, window: int | None
) -> tuple[tuple[Message, ...], ContextBuilt]:
    """The messages to send (``history`` ends with the prompt's own message), and the account of them."""
    texts = await asyncio.gather(
        _told(where, _rules(where)),
        _told(where, _kernel(prompt, where)),
        _told(where, _notebook(prompt, where)),
        *(_told(where, _attachment(each, prompt, where)) for each in prompt.attachments),
    )
    rules, kernel, notebook, *attached = texts
    pieces, segments = fit(
        [
            Piece("rules", rules, 0.05),
            Piece("kernel", where.redact(kernel), 0.1),
            Piece("notebook", where.redact(notebook), 0.25),
            Piece("attachments", where.redact("\n".join(attached)), 0.1),
        ],
        window=window,
    )
    earlier = recent(closed(history), limit=int((window or 100_000) * HISTORY_SHARE))
    built = _account(earlier, segments, prompt, window)
    return (*earlier[:-1], _with_context(prompt, pieces)), built


def _with_context(prompt: Prompt, pieces: list[Piece]) -> Message:
    body = "\n".join(f"<{piece.name}>\n{piece.text}\n</{piece.name}>" for piece in pieces)
    head = (TextPart(text=f"<context>\n{body}\n</context>"),) if body else ()
    return Message(role="user", parts=(*head, TextPart(text=prompt.text)))


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


async def _told(where: Surroundings, text: Awaitable[str]) -> str:
    try:
        return await text
    except (CodemadError, OSError) as error:
        where.warn(str(error))
        return ""


async def _rules(where: Surroundings) -> str:
    return await asyncio.to_thread(read_rules, where.root)


async def _kernel(prompt: Prompt, where: Surroundings) -> str:
    news = where.news()
    if where.kernel is None:
        return news
    try:
        report: KernelReport = await where.kernel.report(deadline=where.deadline)
    except CodemadError as error:
        where.warn(str(error))
        return news
    return "\n".join(filter(None, (news, kernel_text(report))))


async def _notebook(prompt: Prompt, where: Surroundings) -> str:
    if where.notebook is None or prompt.target.notebook is None:
        return ""
    return notebook_text(await where.notebook.view(prompt.target.notebook), prompt.target.cell)


async def _attachment(attachment: Attachment, prompt: Prompt, where: Surroundings) -> str:
    if attachment.kind == "file":
        text = await asyncio.to_thread(read_text, where.root, attachment.name)
        return f"File {attachment.name}:\n{text}"
    if attachment.kind == "variable" and where.kernel is not None:
        report = await where.kernel.report(names=(attachment.name,), deadline=where.deadline)
        return f"Variable:\n{kernel_text(report)}"
    if attachment.kind == "cell" and where.notebook is not None and prompt.target.notebook is not None:
        cell = (await where.notebook.view(prompt.target.notebook)).cell(attachment.name)
        return f"Cell {cell.id}:\n{cell.source}" if cell else ""
    return ""
