"""Merges two tables on a column they share."""

import re
from collections.abc import Collection

from codemad_jupyter.gateway.offline.columns import find
from codemad_jupyter.gateway.offline.frames import inspected, named
from codemad_jupyter.gateway.offline.literals import fresh, listed, shown
from codemad_jupyter.gateway.offline.proposing import propose_cell
from codemad_jupyter.gateway.offline.reading import Frame, kind_of, look
from codemad_jupyter.gateway.offline.steps import Answer, Plan, Turn
from codemad_jupyter.gateway.offline.wording import singular, squeezed

_ID = re.compile(r"(^|[_\W])(id|key|code|no|nr|number|uuid)$", re.IGNORECASE)


def merge(turn: Turn) -> Plan:
    """Merge two tables into a new one."""
    found = yield from look()
    frames = [frame.name for frame in found.frames]
    asked = named(turn.words, frames)
    if len(asked) < 2 and len(frames) == 2:
        asked = (*asked, *(name for name in frames if name not in asked))
    if len(asked) < 2:
        raise Answer(_which(frames, asked))
    left, right = yield from inspected(found, asked[:2])
    pairs = _keys(turn.words, left, right)
    how = _how(turn.words)
    name = fresh("merged", found.taken)
    code, cast = _code(left, right, pairs, how, name)
    outcome = yield from propose_cell(code, title=f"Merge {left.name} and {right.name}")
    on = " and ".join(shown(a) if a == b else f"{shown(a)} = {shown(b)}" for a, b in pairs)
    third = (
        f" Only the first two tables are merged; {listed(asked[2:])} would be a next step."
        if asked[2:]
        else ""
    )
    note = " The key has different types on both sides, so both are compared as text." if cast else ""
    tables = f"{shown(left.name)} and {shown(right.name)}"
    return f"This is a {how} join of {tables} on {on}, into {shown(name)}.{note}{third} {outcome}"


def _which(frames: Collection[str], asked: Collection[str]) -> str:
    if len(frames) < 2:
        return f"A merge needs two pandas dataframes, and I see {listed(frames) if frames else 'none'}."
    start = f"With which table shall I merge {listed(asked)}?" if asked else "Which two tables shall I merge?"
    return f"{start} I see {listed([name for name in frames if name not in asked])}."


def _how(words: str) -> str:
    text = words.casefold()
    if re.search(r"\b(outer|full)\b", text):
        return "outer"
    return next(
        (how for how in ("inner", "right", "left", "cross") if re.search(rf"\b{how}\b", text)), "left"
    )


def _keys(words: str, left: Frame, right: Frame) -> tuple[tuple[str, str], ...]:
    """The column pairs to merge on: as named, else the shared ones, else ids that fit the tables' names."""
    rest = words
    on = re.search(r"\b(?:on|by|using|via)\b(.{1,300})", words, re.IGNORECASE | re.DOTALL)
    if on:
        rest = on.group(1)
        ours = [m.column for m in find(left.names, rest)]
        theirs = [m.column for m in find(right.names, rest)]
        both = [name for name in ours if name in theirs]
        if both:
            return tuple((name, name) for name in both)
        if ours and theirs:
            return ((ours[0], theirs[0]),)
        raise Answer(_no_key(left, right, named_key=" ".join(rest.split())[:60]))
    shared = [name for name in left.names if name in right.names]
    ids = [name for name in shared if _ID.search(name)]
    if len(shared) == 1 or len(ids) == 1:
        key = ids[0] if ids else shared[0]
        return ((key, key),)
    if shared:
        raise Answer(
            f"{shown(left.name)} and {shown(right.name)} share {listed(ids or shared)}. On which shall I "
            f"merge? Say, for example, “merge {left.name} and {right.name} on {(ids or shared)[0][:40]}”."
        )
    pair = _foreign(left, right) or tuple(reversed(_foreign(right, left)))
    if pair:
        return ((pair[0], pair[1]),)
    raise Answer(_no_key(left, right))


def _foreign(left: Frame, right: Frame) -> tuple[str, ...]:
    """``orders.customer_id`` and ``customers.id``, or the same name in another spelling."""
    target = singular(squeezed(right.name))
    ids = [name for name in right.names if squeezed(name) in ("id", "key", "code")]
    for name in left.names:
        for other in right.names:
            if squeezed(name) == squeezed(other):
                return (name, other)
        for key in ids:
            if squeezed(name) == target + squeezed(key):
                return (name, key)
    return ()


def _no_key(left: Frame, right: Frame, *, named_key: str = "") -> str:
    start = f"I find no column {shown(named_key)} in both tables. " if named_key else ""
    shared = [name for name in left.names if name in right.names]
    both = f"They share {listed(shared)}." if shared else "They share no column name."
    return (
        f"{start}{both} {shown(left.name)} has {listed(left.names)}; {shown(right.name)} has "
        f"{listed(right.names)}. Which columns belong together?"
    )


def _code(
    left: Frame, right: Frame, pairs: tuple[tuple[str, str], ...], how: str, name: str
) -> tuple[str, bool]:
    cast = [pair for pair in pairs if _differ(left, right, pair)] if how != "cross" else []
    sources = [left.expr, right.expr]
    for ours, theirs in cast:
        sources[0] += f".astype({{{left.label(ours)}: str}})"
        sources[1] += f".astype({{{right.label(theirs)}: str}})"
    if how == "cross":
        keys = ""
    elif all(a == b for a, b in pairs):
        keys = f", on=[{', '.join(left.label(a) for a, _ in pairs)}]"
    else:
        keys = f", left_on=[{', '.join(left.label(a) for a, _ in pairs)}]"
        keys += f", right_on=[{', '.join(right.label(b) for _, b in pairs)}]"
    suffixes = f", suffixes=({'_' + left.name!r}, {'_' + right.name!r})"
    call = f'{name} = {sources[0]}.merge({sources[1]}{keys}, how="{how}"{suffixes})'
    sizes = f'print(len({left.expr}), "and", len({right.expr}), "rows gave", len({name}))'
    return f"{call}\n{sizes}\n{name}", bool(cast)


def _differ(left: Frame, right: Frame, pair: tuple[str, str]) -> bool:
    kinds = {kind_of(left.column(pair[0])), kind_of(right.column(pair[1]))}
    return len(kinds) == 2 and "text" in kinds
