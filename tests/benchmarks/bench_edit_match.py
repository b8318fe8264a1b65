"""Time to place a 20-line block in a 10,000-line file, in every outcome, beside difflib.

Run ``python tests/benchmarks/bench_edit_match.py``. The target is 20 ms at most at the 95th percentile.
The baseline is `difflib.get_close_matches` of one line among the lines of the file.
"""

from __future__ import annotations

import difflib
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from codemad_jupyter.tools.edit_match import replace_each  # noqa: E402
from codemad_jupyter.tools.edits.changes import Change, Refused  # noqa: E402

TARGET = 0.020
ROUNDS = 20
LINES = [f"    value_{i} = compute(value_{i - 1}, factor={i % 7})  # step {i}" for i in range(10_000)]
BLOCK = "\n".join(LINES[7_000:7_020]) + "\n"
SAME = "    x = 1\n" * 10_000
Row = tuple[str, str, Change]


def rows() -> Iterator[Row]:
    """A name, a file and a change, by outcome."""
    plain = "\n".join(LINES) + "\n"
    curly = plain.replace("compute(value_6999,", "compute(\u201cvalue_6999\u201d,")
    accents = plain.replace("# step", "# \u00e9tape \u2014")
    for label, text in {"": plain, "non-ASCII: ": accents, "crlf: ": plain.replace("\n", "\r\n")}.items():
        block = BLOCK.replace("# step", "# \u00e9tape \u2014") if text is accents else BLOCK
        yield from _everywhere(label, text, block)
    yield "punctuation", curly, Change(old=BLOCK.replace("value_6999,", '"value_6999",', 1), new="r\n")
    shifted = BLOCK.replace("# step", "# \u00e9tape -").replace("    value", "\tvalue")
    yield "punctuation and shift", accents, Change(old=shifted, new="r\n")
    yield from _alike()
    yield from _headed()


def _everywhere(label: str, text: str, block: str) -> Iterator[Row]:
    wanted = {
        "hit": block,
        "trailing blanks": block.replace("\n", " \n"),
        "indent shift": block.replace("    value", "\tvalue"),
        "elided": "\n".join([*block.split("\n")[:9], "...", *block.split("\n")[10:]]),
        "miss, one line differs": block.replace("value_7010 =", "value_x ="),
        "miss, every line differs": block.replace("value_", "velua_"),
        "miss, nothing alike": "entirely other words\n" * 20,
        "miss, elided": block.replace("value_7010 =", "...\nvalue_x ="),
    }
    for name, old in wanted.items():
        new = "replaced\n...\nreplaced\n" if "elided" in name else "replaced\n"
        yield label + name, text, Change(old=old, new=new, whole_lines=True)
        yield f"{label}{name}, as text", text, Change(old=old[:-1], new=new[:-1])
        yield f"{label}{name}, all places", text, Change(old=old, new=new, every=True)
    yield label + "ambiguous", text + text, Change(old=block, new="r\n")
    gone = block.replace("value_7010 =", "value_x =")
    yield label + "already applied", text, Change(old=gone, new=block)
    yield label + "end of file, refused", text, Change(old=block, new="r\n", whole_lines=True, at_end=True)


def _alike() -> Iterator[Row]:
    odd = SAME.replace("1", "\u2019")
    for label, text, one in (("", SAME, "    x = 1\n"), ("non-ASCII: ", odd, "    x = \u2019\n")):
        for name, old in {
            "hit": one * 20,
            "trailing blanks": one.replace("\n", " \n") * 20,
            "shift": one.strip() + " \n" + one.strip() + " \n" + one[4:] * 18,
            "folded": one.replace("\u2019", "'") * 20,
            "elided": one * 9 + "...\n" + one * 10,
            "miss": one * 19 + "    x = 2\n",
        }.items():
            for every in (False, True):
                what = f"all lines equal, {label}{name}{', all places' if every else ''}"
                yield what, text, Change(old=old, new="y\n" * 20, every=every)
        yield f"all lines equal, {label}one line, all places", text, Change(old=one, new="y\n", every=True)
        yield f"all lines equal, {label}letter, all places", text, Change(old="x", new="y", every=True)
        yield f"all lines equal, {label}already", text, Change(old="q\n", new=one * 20)
        yield (
            f"all lines equal, {label}number",
            text,
            Change(old=one, new="y\n", whole_lines=True, line=5_000),
        )


def _headed() -> Iterator[Row]:
    classes = [f"class A{i}:\n    def f(self):\n        return 1\n\n" for i in range(2_500)]
    text = "".join(classes)
    old, new = "        return 1\n", "        return 2\n"
    for name, under in {
        "heading, one": ("class A1200:",),
        "headings, stacked": ("class A1200:", "    def f(self):"),
        "heading, many": ("    def f(self):",),
        "headings, many stacked": ("    def f(self):", "        return 1"),
        "heading, beginning of a line": ("class A1200",),
        "heading, missing": ("class B:",),
    }.items():
        yield name, text, Change(old=old, new=new, whole_lines=True, under=under)
    yield (
        "heading, all alike",
        SAME,
        Change(old="    x = 1\n", new="y\n", whole_lines=True, under=("    x = 1",)),
    )


def timed(step: Callable[[], object]) -> list[float]:
    """Seconds of each round, without those in which other programs had the processor."""
    taken = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        step()
        taken.append(time.thread_time() - started)
    return sorted(taken)


def outcome(text: str, change: Change) -> str:
    """What becomes of it."""
    try:
        replace_each(text, [change])
    except Refused as error:
        return error.cause
    return "applied"


def main() -> int:
    """Print the table; 1 when an outcome is above the target."""
    slow = 0
    for name, text, change in rows():
        taken = timed(lambda text=text, change=change: outcome(text, change))  # type: ignore[misc]
        high = taken[int(len(taken) * 0.95) - 1]
        slow += high > TARGET
        median, mark = statistics.median(taken), " SLOW" if high > TARGET else ""
        told = f"median {median * 1e3:6.2f} ms, 95 % {high * 1e3:6.2f} ms{mark}"
        sys.stdout.write(f"{name:52} {outcome(text, change):15} {told}\n")
    started = time.perf_counter()
    difflib.get_close_matches(BLOCK.splitlines()[10].replace("value", "velua"), LINES, n=1)
    taken_by_it = (time.perf_counter() - started) * 1e3
    sys.stdout.write(f"{'difflib.get_close_matches, one line':68} {taken_by_it:6.2f} ms\n{slow} too slow\n")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
