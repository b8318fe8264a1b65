"""Group, count and pivot: summaries of a table by some of its columns."""

import re

from codemad_jupyter.gateway.offline.columns import aggregates
from codemad_jupyter.gateway.offline.frames import Chosen, choose, resolve
from codemad_jupyter.gateway.offline.keys import TIME_WORDS, Key, split
from codemad_jupyter.gateway.offline.literals import fresh, listed, literal, shown
from codemad_jupyter.gateway.offline.proposing import propose_cell
from codemad_jupyter.gateway.offline.reading import Frame, is_group, kind_of, look
from codemad_jupyter.gateway.offline.steps import Answer, Plan, Turn
from codemad_jupyter.gateway.offline.wording import tokens

_PIVOT_NOISE = (
    *TIME_WORDS,
    "pivot",
    "crosstab",
    "cross",
    "tab",
    "wide",
    "index",
    "long",
    "format",
    "contingency",
)


def aggregate(turn: Turn) -> Plan:
    """Summarise numeric columns by groups."""
    found = yield from look()
    frame = yield from choose(turn, found, ask_if_tied=True)
    chosen = resolve(turn, frame, noise=TIME_WORDS)
    code, said = _aggregation(chosen, fresh("summary", found.taken))
    other, _ = _aggregation(_retyped(chosen), fresh("summary", found.taken))
    outcome = yield from propose_cell(code, title=f"Group {frame.name}", other=other)
    return f"{_notes(chosen)}From {shown(frame.name)} this computes {said}. {outcome}"


def _aggregation(chosen: Chosen, name: str) -> tuple[str, str]:
    frame = chosen.frame
    values, keys = split(chosen)
    how = aggregates(chosen.words, chosen.mentions) or ("mean",)
    if not keys:
        return _overall(frame, values, how)
    by = _by(keys)
    names = " and ".join(shown(key.name) for key in keys)
    if how == ("count",) and not values:
        code = f"{name} = {frame.expr}.groupby({by}, observed=True).size().sort_values(ascending=False)"
        return _shown_code(
            code + f'.rename("rows").reset_index()\n{name}', keys
        ), f"the number of rows by {names}"
    numeric = tuple(value for value in values if _summable(frame, value, how))
    if values and not numeric:
        raise Answer(_not_numeric(frame, values, how))
    numeric = numeric or _numbers(frame, keys)
    if not numeric:
        raise Answer(f"{shown(frame.name)} has no numeric column to summarise by {names}.")
    picked = "[[" + ", ".join(frame.label(value) for value in numeric) + "]]"
    tail = f".{how[0]}()" if len(how) == 1 else f".agg({literal(list(how))})"
    code = f"{name} = {frame.expr}.groupby({by}, observed=True){picked}{tail}\n{name}"
    return _shown_code(code, keys), f"the {' and '.join(how)} of {listed(numeric)} by {names}"


def _overall(frame: Frame, values: tuple[str, ...], how: tuple[str, ...]) -> tuple[str, str]:
    numeric = tuple(value for value in values if _summable(frame, value, how))
    if values and not numeric:
        raise Answer(_not_numeric(frame, values, how))
    numeric = numeric or tuple(column.name for column in frame.columns if kind_of(column) == "number")
    if not numeric:
        raise Answer(f"{shown(frame.name)} has no numeric column to summarise.")
    picked = "[[" + ", ".join(frame.label(value) for value in numeric) + "]]"
    code = f"{frame.expr}{picked}.agg({literal(list(how))})"
    return code, f"the {' and '.join(how)} of {listed(numeric)} over all rows"


def _summable(frame: Frame, value: str, how: tuple[str, ...]) -> bool:
    kind = kind_of(frame.column(value))
    return (
        kind in ("number", "flag")
        or how == ("count",)
        or (kind in ("date", "span") and set(how) <= {"min", "max"})
    )


def _not_numeric(frame: Frame, values: tuple[str, ...], how: tuple[str, ...]) -> str:
    return f"{listed(values)} in {shown(frame.name)} is not numeric, so it has no {' or '.join(how)}."


def _numbers(frame: Frame, keys: tuple[Key, ...]) -> tuple[str, ...]:
    used = {key.column for key in keys}
    return tuple(c.name for c in frame.columns if kind_of(c) == "number" and c.name not in used)


def _by(keys: tuple[Key, ...]) -> str:
    return keys[0].source if len(keys) == 1 else "[" + ", ".join(key.source for key in keys) + "]"


def _shown_code(code: str, keys: tuple[Key, ...]) -> str:
    return f"import pandas as pd\n\n{code}" if any("pd." in key.source for key in keys) else code


def value_counts(turn: Turn) -> Plan:
    """How often each value of a column occurs."""
    found = yield from look()
    frame = yield from choose(turn, found, ask_if_tied=True)
    chosen = resolve(
        turn, frame, noise=(*TIME_WORDS, "often", "occur", "occurs", "there", "unique", "appear")
    )
    columns = chosen.columns() or _groups(frame)
    if not columns:
        raise Answer(f"Whose values shall I count? {shown(frame.name)} has {listed(frame.names)}.")
    code = _counting(frame, columns)
    outcome = yield from propose_cell(
        code, title=f"Value counts in {frame.name}", other=_counting(frame.retyped(), columns)
    )
    return f"{_notes(chosen)}{_distinct(frame, columns)}{outcome}"


def _groups(frame: Frame) -> tuple[str, ...]:
    groups = [column for column in frame.columns if is_group(column)]
    return (groups[0].name,) if len(groups) == 1 else ()


def _counting(frame: Frame, columns: tuple[str, ...]) -> str:
    if len(columns) == 1:
        ref = frame.ref(columns[0])
        counts = f"{ref}.value_counts(dropna=False)"
        return f'{counts}.rename("rows").to_frame().assign(share=lambda t: t["rows"] / t["rows"].sum())'
    picked = ", ".join(frame.label(column) for column in columns)
    return f'{frame.expr}[[{picked}]].value_counts(dropna=False).rename("rows").reset_index()'


def _distinct(frame: Frame, columns: tuple[str, ...]) -> str:
    known = [(name, frame.column(name).unique) for name in columns]
    return "".join(
        f"{shown(name)} has {count} different values. " for name, count in known if count is not None
    )


def pivot(turn: Turn) -> Plan:
    """Lay out one column by two others."""
    found = yield from look()
    frame = yield from choose(turn, found, ask_if_tied=True)
    chosen = resolve(turn, frame, noise=_PIVOT_NOISE)
    name = fresh("pivot", found.taken)
    code, said = _pivoting(chosen, name)
    other, _ = _pivoting(_retyped(chosen), name)
    outcome = yield from propose_cell(code, title=f"Pivot {frame.name}", other=other)
    return f"{_notes(chosen)}From {shown(frame.name)} this lays out {said}. {outcome}"


def _pivoting(chosen: Chosen, name: str) -> tuple[str, str]:
    frame = chosen.frame
    how = (aggregates(chosen.words, chosen.mentions) or ("mean",))[0]
    values, keys = _layout(chosen)
    head = "import pandas as pd\n\n"
    rows, columns = keys
    said = f"{shown(rows.name)} as rows and {shown(columns.name)} as columns"
    if not values or how == "count":
        table = f"pd.crosstab({_series(frame, rows)}, {_series(frame, columns)})"
        return f"{head}{name} = {table}\n{name}", f"the number of rows, with {said}"
    value = values[0]
    if not _summable(frame, value, (how,)):
        raise Answer(_not_numeric(frame, (value,), (how,)))
    table = (
        f"{frame.expr}.pivot_table(values={frame.label(value)}, index={rows.source}, "
        f"columns={columns.source}, aggfunc={literal(how)}, observed=True)"
    )
    return f"{head}{name} = {table}\n{name}", f"the {how} of {shown(value)}, with {said}"


def _layout(chosen: Chosen) -> tuple[tuple[str, ...], tuple[Key, Key]]:
    """Values and the two keys; "a as rows", "b as columns" and plain order all count."""
    frame = chosen.frame
    values, keys = split(chosen)
    if len(keys) == 2:
        return values, (keys[0], keys[1])
    columns = chosen.columns()
    said = _as(chosen, r"rows?|index") + _as(chosen, r"columns?")
    rest = [name for name in columns if name not in said]
    taken = list(
        dict.fromkeys(said + [n for n in rest if is_group(frame.column(n))] + list(chosen.columns("by")))
    )
    if len(columns) == 2 and len(taken) < 2:
        taken = list(columns)
    if len(taken) < 2:
        raise Answer(
            "For a pivot I need two columns to lay out and one to summarise, for example "
            f"“pivot the sum of a by b and c”. {shown(frame.name)} has {listed(frame.names)}."
        )
    rows, across = (Key(frame.label(name), name, name) for name in taken[:2])
    return tuple(name for name in columns if name not in taken[:2]), (rows, across)


def _as(chosen: Chosen, role: str) -> list[str]:
    words = chosen.words
    for mention in chosen.mentions:
        ended = words[_end_of(words, mention.last) :][:30]
        if re.match(rf"[\"'`”]?\s*(as|for|in|on) (the )?({role})\b", ended, re.IGNORECASE):
            return [mention.column]
    return []


def _end_of(words: str, last: int) -> int:
    """Where the token before ``last`` ends in the words."""
    return tokens(words)[last - 1].end


def _series(frame: Frame, key: Key) -> str:
    return key.source if key.grain else frame.ref(key.column)


def _retyped(chosen: Chosen) -> Chosen:
    return Chosen(chosen.frame.retyped(), chosen.words, chosen.mentions, chosen.notes)


def _notes(chosen: Chosen) -> str:
    return "".join(f"{note} " for note in chosen.notes)
