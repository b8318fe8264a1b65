"""What the dashboard draws: what was spent, which cells are slow, what was approved, what went wrong."""

from codemad_jupyter.protocol.base import Value


class Spend(Value):
    """What model calls of one name (a day, a model, a notebook) came to. ``unpriced`` counts calls whose
    price is unknown, which are not in ``cost`` (US dollars); ``seconds`` is the median of a call."""

    name: str
    runs: int = 0
    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0
    seconds: float | None = None


class SlowCell(Value):
    """A cell that was run on somebody's order, with its longest time first in order."""

    notebook: str
    cell: str
    runs: int
    longest: float
    average: float


class Decided(Value):
    """How often a tool's questions ended so, and how long a person took on average."""

    tool: str
    decision: str
    count: int
    waited: float | None = None


class Trouble(Value):
    """How often something went wrong; ``text`` is what was said the last time, at ``latest`` (seconds since
    the epoch)."""

    source: str
    code: str
    count: int
    latest: float
    text: str


class Dashboard(Value):
    """The figures of the last ``days`` days; days are those of UTC, and each is there."""

    days: int
    total: Spend
    by_day: tuple[Spend, ...] = ()
    by_model: tuple[Spend, ...] = ()
    by_notebook: tuple[Spend, ...] = ()
    slow_cells: tuple[SlowCell, ...] = ()
    approvals: tuple[Decided, ...] = ()
    errors: tuple[Trouble, ...] = ()
