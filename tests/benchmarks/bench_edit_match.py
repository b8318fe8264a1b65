"""Time to place a 20-line block in a 10,000-line file, in every outcome, beside difflib.

Run ``python tests/benchmarks/bench_edit_match.py``. The target is 20 ms at most at the 95th percentile.
The baseline is `difflib.get_close_matches` of one line among the lines of the file.
"""

from __future__ import annotations

import difflib
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from codemad_jupyter.tools.edit_match import replace  # noqa: E402
from codemad_jupyter.tools.edits.changes import Refused  # noqa: E402

TARGET = 0.020
ROUNDS = 40


def sources() -> dict[str, tuple[str, str]]:
    """A file and a block to replace, by outcome."""
    lines = [f"    value_{i} = compute(value_{i - 1}, factor={i % 7})  # step {i}" for i in range(10_000)]
    text = "\n".join(lines) + "\n"
    block = "\n".join(lines[7_000:7_020]) + "\n"
    odd = text.replace("compute(value_6999,", "compute(\u201cvalue_6999\u201d,")
    same = "    x = 1\n" * 10_000
    return {
        "hit": (text, block),
        "trailing blanks": (text, block.replace("\n", " \n")),
        "indent shift": (text, block.replace("    value", "\tvalue")),
        "punctuation": (odd, block.replace("compute(value_6999,", 'compute("value_6999",')),
        "miss, one line differs": (text, block.replace("value_7010 =", "value_x =")),
        "miss, nothing alike": (text, "entirely other words\n" * 20),
        "miss, non-ASCII": (odd, block.replace("value_7010 =", "value_x =")),
        "ambiguous": (text + text, block),
        "ambiguous, all lines equal": (same, "    x = 1\n" * 20),
        "miss, all lines equal": (same, "    x = 1\n" * 19 + "    x = 2\n"),
        "ambiguous shift, all lines equal": (same, "x = 1 \n" * 20),
    }


def timed(step: Callable[[], object]) -> list[float]:
    """Seconds of each round."""
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        step()
        taken.append(time.perf_counter() - started)
    return sorted(taken)


def outcome(text: str, old: str) -> str:
    """What becomes of it."""
    try:
        replace(text, old, "replaced\n")
    except Refused as error:
        return error.cause
    return "applied"


def main() -> int:
    """Print the table; 1 when an outcome is above the target."""
    slow = 0
    for name, (text, old) in sources().items():
        taken = timed(lambda text=text, old=old: outcome(text, old))  # type: ignore[misc]
        high = taken[int(len(taken) * 0.95) - 1]
        slow += high > TARGET
        median = statistics.median(taken)
        sys.stdout.write(
            f"{name:34} {outcome(text, old):10} median {median * 1e3:6.2f} ms, 95 % {high * 1e3:6.2f} ms"
            + "\n"
        )
    text, old = sources()["miss, one line differs"]
    lines, wanted = text.splitlines(), old.splitlines()[10]
    started = time.perf_counter()
    difflib.get_close_matches(wanted, lines, n=1)
    sys.stdout.write(
        f"{'difflib.get_close_matches, one line':45} {(time.perf_counter() - started) * 1e3:6.2f} ms" + "\n"
    )
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
