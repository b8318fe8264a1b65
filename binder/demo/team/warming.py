"""How fast it gets warmer, from yearly temperature anomalies."""

import csv
from pathlib import Path


def anomalies(path: Path, source: str) -> dict[int, float]:
    """The anomaly of each year, in degrees Celsius, as one source has it."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == source]
    return {int(row["year"]): float(row["anomaly"]) for row in rows}


def trend(values: dict[int, float]) -> float:
    """Degrees per decade: the slope of a line of least squares."""
    middle = sum(values) / len(values)
    mean = sum(values.values()) / len(values)
    above = sum((year - middle) * (value - mean) for year, value in values.items())
    return 10 * above / sum((year - middle) ** 2 for year in values)
