"""What a front end lists of a model."""

from codemad_jupyter.protocol.base import Value


class ModelInfo(Value):
    """A model one can choose. Prices are US dollars per million tokens; None means unknown.

    ``ready`` says whether it could be called now; ``why`` what is missing; ``health`` what this process
    learnt of its provider's failures (empty: all is well), ``latency`` the seconds to its first word.
    """

    name: str
    provider: str
    window: int | None = None
    max_output: int | None = None
    input_price: float | None = None
    output_price: float | None = None
    cache_read_price: float | None = None
    cache_write_price: float | None = None
    tools: bool = True
    thinking: bool = False
    images: bool = False
    ready: bool = True
    why: str = ""
    locked: bool = False
    """The administrator does not allow it; ``why`` says so."""
    health: str = ""
    latency: float | None = None
