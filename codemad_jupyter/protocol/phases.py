"""A step that a package adds to the runs it is installed beside (the hook ``register_phases``)."""

from pydantic import Field

from codemad_jupyter.protocol.base import Value


class ExtraPhase(Value):
    """What the model is told when it has proposed something and would end: look again at it in this way. It
    belongs to the phase verify, and is taken once."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")
    text: str = Field(min_length=1, max_length=8_000)
