"""What running a notebook again in a throw-away kernel proves."""

from typing import Literal

from codemad_jupyter.protocol.base import Value

VerdictStatus = Literal["same", "differs", "failed", "unrecorded", "not_run"]


class Verdict(Value):
    """How one cell did; ``unrecorded``: it ran, and nothing is stored to compare with. ``number`` is its
    1-based place in the notebook, ``diff`` a bounded unified diff of the outputs."""

    cell: str
    number: int
    status: VerdictStatus
    detail: str = ""
    diff: str = ""
    seconds: float = 0.0


class Verification(Value):
    """The verdicts in the order of the cells. ``missing`` are ids of code cells stored without a count,
    ``out_of_order`` of those whose count is lower than one above. ``seconds`` is the whole time,
    ``notes`` say how it was run and what kept it from the person's files."""

    notebook: str
    same: bool
    cells: tuple[Verdict, ...] = ()
    missing: tuple[str, ...] = ()
    out_of_order: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
