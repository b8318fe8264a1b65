"""What a front end lists of a session."""

from codemad_jupyter.protocol.base import Value


class SessionInfo(Value):
    """A session; ``created`` and ``updated`` are seconds since the epoch (UTC)."""

    id: str
    title: str
    model: str
    created: float
    updated: float
