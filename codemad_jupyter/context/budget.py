"""Fits what could be sent into the model's window. Pure: texts and limits in, texts out.

The window is shared among five segments; what one of them does not use flows on to the others in
proportion to their shares. Nothing goes beyond the window less the reserve; what is left out is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.segments import Segment
from codemad_jupyter.protocol.tokens import CHARS_PER_TOKEN, tokens

DEFAULT_WINDOW = 100_000
"""Tokens assumed where a model's window is unknown."""
TAGS, OMISSION = 20, 20
"""Tokens kept for the tags around a piece and for the words about what was left out of it."""
WORTH_CUTTING = 60
"""Tokens of room below which an item is left out rather than cut."""
NAMED = 20
"""How many of the items left out are named."""

SegmentName = Literal["instructions", "project", "task"]
"""The segments that are made of pieces; history is made of messages, the reserve of nothing."""


@dataclass(frozen=True)
class Shares:
    """Parts of the window. ``reserve`` is for the answer and for the error of the estimate."""

    instructions: float = 0.05
    project: float = 0.15
    history: float = 0.30
    task: float = 0.40
    reserve: float = 0.10

    @classmethod
    def read(cls, text: str) -> "Shares":
        """From ``5/15/30/40/10``: percent, in the order of the fields."""
        return cls(*(float(part) / 100 for part in text.split("/")))


@dataclass(frozen=True)
class Item:
    """A part of a piece that is sent or left out; a smaller ``rank`` is kept first. ``label`` names it to
    the person and to the model when it is left out."""

    label: str
    text: str
    rank: int = 0


@dataclass(frozen=True)
class Piece:
    """A named block of the context, made of items."""

    name: str
    segment: SegmentName
    items: tuple[Item, ...]

    @property
    def need(self) -> int:
        """Tokens of all its items; 0 when there is nothing to say."""
        text = sum(tokens(item.text) + 1 for item in self.items if item.text.strip())
        return text + TAGS + OMISSION if text else 0


@dataclass(frozen=True)
class Block:
    """A piece as it is sent."""

    name: str
    text: str


@dataclass(frozen=True)
class Fitted:
    """What is sent: the blocks, their account, and the tokens that earlier messages may take."""

    blocks: tuple[Block, ...]
    segments: tuple[Segment, ...]
    history: int


def spread(needs: Sequence[int], weights: Sequence[float], room: int) -> list[int]:
    """``room`` divided by weighted max-min fairness: nobody gets more than it needs, and what one leaves
    goes to the others by their weights. With weights above 0 the sum is at most ``room``."""
    given = [0] * len(needs)
    waiting = {index for index, need in enumerate(needs) if need > 0}
    while waiting and room > 0:
        total = sum(weights[index] for index in waiting)
        part = {index: int(room * weights[index] / total + 1e-9) for index in waiting}
        served = {index for index in waiting if needs[index] <= part[index]}
        for index in served or waiting:
            given[index] = needs[index] if served else part[index]
        room -= sum(given[index] for index in served)
        waiting = waiting - served if served else set()
    return given


def fit(
    pieces: Sequence[Piece],
    *,
    fixed: Mapping[str, int],
    history: int,
    room: int,
    shares: Shares | None = None,
) -> Fitted:
    """The pieces, cut to what they may take of ``room`` tokens.

    ``fixed`` are tokens that cannot be cut (instructions, tools, the prompt), by name; ``history`` is what
    all earlier messages would take. Raises `UsageError` when the fixed ones alone go beyond the room.
    """
    shares = shares or Shares()
    rest = room - sum(fixed.values())
    if rest < 0:
        raise UsageError(
            f"This needs about {sum(fixed.values()):,} tokens, and the model takes about {max(room, 0):,}.",
            hint="Shorten the prompt (put long text into a file and ask about the file), or choose a model"
            " with a larger window.",
        )
    needs = {"history": history}
    for name in get_args(SegmentName):
        needs[name] = sum(piece.need for piece in pieces if piece.segment == name)
    weights = [max(getattr(shares, name), 0.001) for name in needs]
    given = dict(zip(needs, spread([*needs.values()], weights, rest), strict=True))
    allowed: dict[str, int] = {}
    for name in get_args(SegmentName):
        own = [piece for piece in pieces if piece.segment == name]
        parts = spread([piece.need for piece in own], [1.0] * len(own), given[name])
        allowed |= {piece.name: part for piece, part in zip(own, parts, strict=True)}
    cut = [(piece, *_cut(piece, allowed[piece.name])) for piece in pieces]
    return Fitted(
        blocks=tuple(Block(piece.name, text) for piece, text, _ in cut if text),
        segments=tuple(_account(piece, text, left) for piece, text, left in cut if text or left),
        history=given["history"],
    )


def _cut(piece: Piece, limit: int) -> tuple[str, tuple[str, ...]]:
    """The piece's text within ``limit`` tokens, and the labels of what it lacks."""
    limit -= TAGS + OMISSION
    kept: dict[int, str] = {}
    left: list[int] = []
    shown = [index for index, item in enumerate(piece.items) if item.text.strip()]
    for index in sorted(shown, key=lambda index: piece.items[index].rank):
        text = piece.items[index].text
        size = tokens(text) + 1
        if size > limit:
            left.append(index)
            text = shortened(text, limit - 1) if limit > WORTH_CUTTING else ""
            size = tokens(text) + 1 if text else 0
        if text:
            kept[index] = text
            limit -= size
    labels = tuple(piece.items[index].label for index in sorted(left))
    lines = [kept[index] for index in sorted(kept)]
    if lines and labels:
        gone = len([index for index in left if index not in kept])
        lines += (
            [f"[… {gone} more left out to fit the window: look at them with the tools …]"] if gone else []
        )
    return "\n".join(lines), labels


def shortened(text: str, limit: int) -> str:
    """The beginning of the text within ``limit`` tokens, and a word that it was cut."""
    mark = "\n[… cut to fit …]"
    room = max(limit - tokens(mark), 0)
    head = text[: room * CHARS_PER_TOKEN]
    while tokens(head) > room:
        head = head[: len(head) * room // tokens(head)]
    return head + mark


def _account(piece: Piece, text: str, left: tuple[str, ...]) -> Segment:
    named = left[:NAMED] + ((f"{len(left) - NAMED} more",) if len(left) > NAMED else ())
    size = tokens(text) + (TAGS if text else 0)
    return Segment(name=piece.name, tokens=size, truncated=bool(left), left_out=named)
