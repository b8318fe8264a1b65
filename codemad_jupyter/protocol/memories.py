"""What is remembered beyond one conversation: distilled facts, and where past sessions said something."""

from typing import Literal

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.privacy import DataLevel

MemoryScope = Literal["session", "project", "user", "role"]
"""Where a fact holds: in one session, in this workspace, in every workspace of the person, for one role."""
MemoryKind = Literal["fact", "preference", "decision"]


class Memory(Value):
    """A fact. ``who`` wrote it, in which ``session`` and ``run``; ``used`` is when it was last sent. Until it
    is ``confirmed`` it waits for the person and is sent to no model. ``level`` is the data level at which it
    was learned: at a stricter one it is not sent. Times are seconds since the epoch (UTC)."""

    id: str
    scope: MemoryScope
    text: str
    kind: MemoryKind = "fact"
    role: str = ""
    session: str = ""
    run: str | None = None
    who: Literal["person", "model"] = "person"
    model: str = ""
    created: float = 0.0
    used: float | None = None
    uses: int = 0
    confirmed: bool = True
    level: DataLevel = "schema"


class SessionHit(Value):
    """A message of a past session that a search found; ``who`` said it, ``excerpt`` is the words around."""

    session: str
    title: str
    run: str | None
    who: Literal["user", "assistant"]
    at: float
    excerpt: str
