"""The journal of a batch: one JSON line for each run that ended, beside the plan, so that a batch that was
stopped goes on where it was. A line is written in one piece and is on disk before the run counts as done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from codemad_jupyter.batch.run_report import RunReport
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import StoreError

JobState = Literal["done", "repaired", "failed", "usage", "out_of_budget", "refused", "cancelled"]
FINAL: frozenset[JobState] = frozenset({"done", "repaired"})
"""Not run again."""


class JobResult(Value):
    """How a run ended. ``key`` says what was run; ``text`` is one sentence; ``cost`` (US dollars, None where
    a price is unknown) and ``repairs`` are those of repairs, which ``report`` shows."""

    number: int
    key: str
    title: str
    output: str
    state: JobState
    text: str = ""
    repairs: int = 0
    cost: float | None = 0.0
    seconds: float = 0.0
    attempt: int = 1
    where: str = ""
    report: RunReport | None = None


class Journal:
    """The lines of one plan."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, JobResult]:
        """The last result of each key. A line that was cut off is left out: its run counts as not done."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreError(
                f"The journal {self.path} cannot be read: {error.strerror}.", hint="Check its permissions."
            ) from error
        found: dict[str, JobResult] = {}
        for line in lines:
            try:
                result = JobResult.model_validate_json(line)
            except ValidationError:
                continue
            found[result.key] = result
        return found

    def add(self, result: JobResult) -> None:
        """Keep a result. Raises `StoreError`."""
        line = f"{result.model_dump_json()}\n".encode()
        try:
            with self.path.open("ab") as file:
                if file.tell() and not self._ends_well():
                    line = b"\n" + line
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(
                f"The journal {self.path} cannot be written: {error.strerror}.",
                hint="Check space and rights.",
            ) from error

    def _ends_well(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
