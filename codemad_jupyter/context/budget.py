"""Fits what could be sent into the model's window. Pure: texts and limits in, texts out."""

from dataclasses import dataclass

from codemad_jupyter.protocol.chunks import Segment
from codemad_jupyter.protocol.messages import ImagePart, Message, ToolResultPart

CHARS_PER_TOKEN = 4
"""The usual estimate for English and code; only the provider's own count is exact."""

DEFAULT_WINDOW = 100_000
"""Tokens assumed where a model's window is unknown."""


@dataclass(frozen=True)
class Piece:
    """A named text; ``share`` is the largest part of the window it may take."""

    name: str
    text: str
    share: float


def tokens(text: str) -> int:
    """Estimated tokens of a text."""
    return (len(text) + CHARS_PER_TOKEN - 1) // CHARS_PER_TOKEN


def message_tokens(message: Message) -> int:
    """Estimated tokens of a message; an image counts as 1,500."""
    images = sum(isinstance(part, ImagePart) for part in message.parts)
    images += sum(len(part.images) for part in message.parts if isinstance(part, ToolResultPart))
    return (
        tokens(message.model_dump_json(exclude={"parts": {"__all__": {"data", "images"}}})) + 1_500 * images
    )


def fit(pieces: list[Piece], *, window: int | None) -> tuple[list[Piece], tuple[Segment, ...]]:
    """Each piece cut to its share of the window; empty ones are left out."""
    room = window or DEFAULT_WINDOW
    fitted: list[Piece] = []
    segments: list[Segment] = []
    for piece in pieces:
        if not piece.text.strip():
            continue
        limit = int(room * piece.share) * CHARS_PER_TOKEN
        cut = len(piece.text) > limit
        text = f"{piece.text[:limit]}\n[… cut to fit …]" if cut else piece.text
        fitted.append(Piece(piece.name, text, piece.share))
        segments.append(Segment(name=piece.name, tokens=tokens(text), truncated=cut))
    return fitted, tuple(segments)


def recent(messages: list[Message], *, limit: int) -> list[Message]:
    """The latest messages that fit into ``limit`` tokens, beginning with a user message.

    The last user message is kept whatever its size.
    """
    kept: list[Message] = []
    used = 0
    for message in reversed(messages):
        used += message_tokens(message)
        if kept and used > limit and any(m.role == "user" for m in kept):
            break
        kept.append(message)
    kept.reverse()
    first = next((i for i, message in enumerate(kept) if message.role == "user"), 0)
    return kept[first:]
