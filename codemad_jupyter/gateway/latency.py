"""How long each model lets one wait for its first word: measured, with recent calls counting more."""

SHARE = 0.3
"""What the newest measurement counts."""


class Latencies:
    """The measurements of one process, by the full name of the model."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def note(self, model: str, seconds: float) -> None:
        """A call of the model gave its first piece after so long."""
        before = self._seconds.get(model)
        self._seconds[model] = seconds if before is None else before + SHARE * (seconds - before)

    def of(self, model: str) -> float | None:
        """The average in seconds; None before the first call."""
        return self._seconds.get(model)
