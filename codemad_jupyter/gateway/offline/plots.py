"""Plots of one to a few columns: which drawing fits, decided by dtypes. The drawings are in sketches.py."""

import re
from collections.abc import Callable

from codemad_jupyter.gateway.offline import sketches
from codemad_jupyter.gateway.offline.columns import aggregates
from codemad_jupyter.gateway.offline.frames import Chosen, choose, resolve
from codemad_jupyter.gateway.offline.keys import (
    BY,
    TIME_WORDS,
    Key,
    grain_asked,
    is_date,
    only_date,
    time_key,
)
from codemad_jupyter.gateway.offline.literals import listed, shown
from codemad_jupyter.gateway.offline.proposing import propose_cell
from codemad_jupyter.gateway.offline.reading import Frame, is_group, kind_of, look
from codemad_jupyter.gateway.offline.sketches import Sketch, code_of
from codemad_jupyter.gateway.offline.steps import Answer, Plan, Turn

FEW_VALUES = 3
"""Distinct numbers up to which a box plot of them would say nothing."""
_KINDS = (
    ("histogram", r"\bhist(ogram)?s?\b"),
    ("scatter", r"\bscatter ?(plot|chart|graph|matrix)?s?\b"),
    ("box", r"\bbox ?(plot|chart|and whisker)?s?\b|\bwhisker"),
    ("pie", r"\bpies?\b"),
    ("bar", r"\bbar ?(plot|chart|graph)?s?\b"),
    ("line", r"\bline ?(plot|chart|graph)?s?\b"),
)


def plan(turn: Turn) -> Plan:
    """Look, choose, draw."""
    found = yield from look()
    frame = yield from choose(turn, found, ask_if_tied=True)
    chosen = resolve(turn, frame, noise=TIME_WORDS)
    sketch = draw(chosen)
    retyped = draw(Chosen(frame.retyped(), chosen.words, chosen.mentions))
    outcome = yield from propose_cell(code_of(sketch), title=f"Plot {sketch.said}", other=code_of(retyped))
    notes = "".join(f"{note} " for note in (*chosen.notes, *sketch.notes))
    return f"{notes}This draws {sketch.said_shown} from {shown(frame.name)}. {outcome}"


def kind_asked(words: str) -> str:
    """The kind of drawing the words name, or nothing."""
    return next((kind for kind, pattern in _KINDS if re.search(pattern, words.casefold())), "")


def draw(chosen: Chosen) -> Sketch:
    """The drawing for the named columns."""
    kind = kind_asked(chosen.words)
    asked = aggregates(chosen.words, chosen.mentions)
    columns = chosen.columns()
    key = time_key(chosen)
    if key and key.column in columns:
        columns = tuple(name for name in columns if name != key.column)
    if len(columns) == 1 and not key and "time" in chosen.words.casefold().split():
        columns = (*columns, *(column.name for column in [only_date(chosen.frame)] if column))
    if key or (asked and columns):
        return _summed(chosen, columns, key, asked[0] if asked else "")
    drawers: dict[int, Callable[[Chosen, tuple[str, ...], str], Sketch]] = {
        0: _all,
        1: _one,
        2: _two,
        3: _three,
    }
    return drawers.get(len(dict.fromkeys(columns)), _many)(chosen, tuple(dict.fromkeys(columns)), kind)


def _summed(chosen: Chosen, columns: tuple[str, ...], key: Key | None, asked: str) -> Sketch:
    frame = chosen.frame
    by = [name for name in chosen.columns(*BY) if name in columns]
    values = [name for name in columns if name not in by]
    if not by and not key and len(values) > 1:
        by = [name for name in values if is_group(frame.column(name))][:1]
        values = [name for name in values if name not in by]
    if len(by) + bool(key) > 2 or len(values) > 1:
        raise Answer("I can draw one column summarised by at most two others. Name fewer columns.")
    keys = [*([key] if key else []), *(Key(frame.label(name), name, name) for name in by)]
    if not values:
        return sketches.counted(frame, tuple(keys))
    if not keys:
        return _two_or_one(chosen, tuple(values), asked)
    value = values[0]
    if asked == "count":
        return sketches.counted(frame, tuple(keys))
    _numeric(frame, value, asked or "mean")
    return sketches.summarised(frame, value, tuple(keys), asked or "mean")


def _two_or_one(chosen: Chosen, values: tuple[str, ...], asked: str) -> Sketch:
    if asked == "count" or is_group(chosen.frame.column(values[0])):
        return sketches.counts(chosen.frame, values[0])
    return _one(chosen, values, "")


def _numeric(frame: Frame, value: str, asked: str) -> None:
    if kind_of(frame.column(value)) not in ("number", "flag", "span"):
        raise Answer(
            f"{shown(value)} in {shown(frame.name)} is {frame.column(value).dtype}, "
            f"so it has no {asked}. Name a numeric column."
        )


def _all(chosen: Chosen, columns: tuple[str, ...], kind: str) -> Sketch:
    frame = chosen.frame
    numbers = tuple(column.name for column in frame.columns if kind_of(column) == "number")
    if numbers and kind == "scatter":
        return sketches.matrix(frame, numbers[:5])
    if numbers and kind == "box":
        return sketches.boxes(frame, numbers[:12])
    if numbers:
        return sketches.histograms(frame, numbers[:12], of=len(numbers))
    groups = [column for column in frame.columns if is_group(column)]
    if not groups:
        raise Answer(f"Which columns of {shown(frame.name)} shall I plot? It has {listed(frame.names)}.")
    return sketches.counts(frame, min(groups, key=lambda column: column.unique or 10**9).name)


def _one(chosen: Chosen, columns: tuple[str, ...], kind: str) -> Sketch:
    frame, name = chosen.frame, columns[0]
    column = frame.column(name)
    if kind == "pie":
        return sketches.pie(frame, name)
    if kind_of(column) in ("number", "span") and kind == "box":
        return sketches.boxes(frame, (name,))
    if kind_of(column) == "number" and kind == "line":
        return sketches.along_index(frame, name)
    if kind_of(column) == "date":
        return sketches.histogram(frame, name)
    if is_group(column) and not (kind == "histogram" and kind_of(column) in ("number", "span")):
        return sketches.counts(frame, name)
    bins = re.search(r"\b(\d{1,3}) bins?\b", chosen.words)
    return sketches.histogram(frame, name, bins=max(int(bins.group(1)), 1) if bins else 30)


def _two(chosen: Chosen, columns: tuple[str, ...], kind: str) -> Sketch:
    frame = chosen.frame
    first, second = (frame.column(name) for name in columns)
    behind = bool(chosen.columns(*BY, "vs", "versus", "against"))
    dates = [column for column in (first, second) if is_date(column)]
    if len(dates) == 1:
        return _over_time(chosen, dates[0].name, second.name if dates[0] is first else first.name)
    by = chosen.columns(*BY)
    if kind == "scatter" and kind_of(first) == kind_of(second) == "number":
        return sketches.scatter(frame, x=second.name if behind else first.name, y=_other(columns, behind))
    grouped = [c for c in (second, first) if is_group(c, by=c.name in by)]
    numbers = [c for c in (first, second) if kind_of(c) in ("number", "span")]
    if len(grouped) == 2 and not (by and kind_of(first) == "number" and first.name not in by):
        return sketches.crossed(frame, columns[0], columns[1])
    if grouped and numbers:
        group = next((c for c in grouped if c.name in by), grouped[0])
        value = first if group is second else second
        if kind_of(value) == "number" and not kind and 0 < (value.unique or 0) <= FEW_VALUES:
            return sketches.crossed(frame, group.name, value.name)
        if kind_of(value) in ("number", "span"):
            return _by_group(frame, value.name, group.name, kind)
    if kind == "histogram":
        return sketches.overlaid(frame, columns)
    if kind == "box":
        return sketches.boxes(frame, columns)
    return sketches.scatter(frame, x=second.name if behind else first.name, y=_other(columns, behind))


def _other(columns: tuple[str, ...], behind: bool) -> str:
    return columns[0] if behind else columns[1]


def _by_group(frame: Frame, value: str, group: str, kind: str) -> Sketch:
    many = (frame.column(group).unique or 0) > sketches.MAX_GROUPS
    if kind == "histogram" and not many:
        return sketches.histogram_by(frame, value, group)
    if kind == "bar" or (many and kind != "box"):
        return sketches.summarised(frame, value, (Key(frame.label(group), group, group),), "mean")
    return sketches.box_by(frame, value, group)


def _over_time(chosen: Chosen, date: str, other: str) -> Sketch:
    frame = chosen.frame
    if kind_of(frame.column(other)) in ("number", "span", "flag"):
        return sketches.line(frame, date, other)
    return sketches.dated_counts(frame, date, other, grain_asked(chosen) or "M")


def _three(chosen: Chosen, columns: tuple[str, ...], kind: str) -> Sketch:
    frame = chosen.frame
    dates = [name for name in columns if is_date(frame.column(name))]
    numbers = [name for name in columns if kind_of(frame.column(name)) in ("number", "span")]
    by = chosen.columns(*BY)
    groups = [n for n in columns if n not in dates and is_group(frame.column(n), by=n in by)]
    groups = sorted(groups, key=lambda name: name not in by)
    if len(dates) == 1 and len(numbers) == 2 and not by[1:]:
        return sketches.lines(frame, dates[0], tuple(numbers))
    values = [name for name in numbers if name not in groups[:1]]
    if len(dates) == 1 and groups and values:
        return sketches.line_by(frame, dates[0], values[0], groups[0])
    if len(values) == 2 and groups:
        behind = [name for name in chosen.columns("vs", "versus", "against", "over") if name in values]
        x = behind[0] if behind else values[0]
        y = next(name for name in values if name != x)
        return sketches.scatter_by(frame, x=x, y=y, group=groups[0])
    if len(groups) >= 2 and (left := [name for name in numbers if name not in groups[:2]]):
        keys = tuple(Key(frame.label(name), name, name) for name in groups[:2])
        return sketches.summarised(frame, left[0], keys, "mean")
    return _many(chosen, columns, kind)


def _many(chosen: Chosen, columns: tuple[str, ...], kind: str) -> Sketch:
    frame = chosen.frame
    dates = [name for name in columns if is_date(frame.column(name))]
    numbers = tuple(name for name in columns if kind_of(frame.column(name)) == "number")
    if len(dates) == 1 and len(numbers) == len(columns) - 1:
        return sketches.lines(frame, dates[0], numbers)
    if len(numbers) < len(columns):
        raise Answer(
            f"I do not know one drawing for {listed(columns)} together. "
            "Name one or two columns, or two numbers and one column of groups."
        )
    if kind == "histogram":
        return sketches.overlaid(frame, numbers)
    if kind == "box":
        return sketches.boxes(frame, numbers)
    return sketches.matrix(frame, numbers[:6])
