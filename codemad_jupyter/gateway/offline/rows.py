"""Which rows: filter, sort, the largest and smallest, and duplicates."""

import re

from codemad_jupyter.gateway.offline.columns import find
from codemad_jupyter.gateway.offline.conditions import Condition, conditions, mask
from codemad_jupyter.gateway.offline.frames import Chosen, choose, no_column, resolve
from codemad_jupyter.gateway.offline.literals import fresh, listed, shown
from codemad_jupyter.gateway.offline.proposing import propose_cell
from codemad_jupyter.gateway.offline.reading import Frame, kind_of, look
from codemad_jupyter.gateway.offline.steps import Answer, Plan, Turn
from codemad_jupyter.gateway.offline.wording import tokens, word_list

_DROPS = re.compile(r"\b(drop|exclude|remove|delete|discard|without|get rid of|throw away|leave out)\b")
_SUBJECT = re.compile(
    r"\b(?:where|whose|with|having|when|only|if|that have)\s+(?:the\s+)?([\w ]{1,40}?)\s*"
    r"(?:[<>=!]|\bis\b|\bare\b)"
)
_FALLING = re.compile(
    r"\b(desc\w*|decreasing|top|largest|biggest|highest|greatest|most|best|reverse\w*|high to low|newest"
    r"|latest)\b"
)
_RISING = re.compile(
    r"\b(asc\w*|increasing|bottom|smallest|lowest|least|worst|low to high|oldest|earliest)\b"
)
_SORT_NOISE = word_list(
    """
    sort order rank top bottom first last largest biggest highest greatest most best smallest lowest
    least descending ascending desc asc decreasing increasing high low reverse reversed latest newest
    oldest earliest worst largest ten five three expensive
    """
)
_SPELLED = {"three": 3, "five": 5, "ten": 10, "twenty": 20, "hundred": 100}


def filter_rows(turn: Turn) -> Plan:
    """Keep or drop the rows that fulfil conditions."""
    found = yield from look()
    frame = yield from choose(turn, found, ask_if_tied=True)
    chosen = resolve(turn, frame, strict=False)
    asked = conditions(chosen)
    if not asked:
        raise Answer(_no_condition(turn.words, frame))
    name = fresh(f"{frame.name}_filtered", found.taken)
    drop = bool(_DROPS.search(turn.words.casefold()))
    code = _filter_code(frame, asked, name, drop=drop)
    other = _filter_code(frame.retyped(), asked, name, drop=drop)
    outcome = yield from propose_cell(code, title=f"Filter {frame.name}", other=other)
    verb = "leaves out" if drop else "keeps"
    used = listed(tuple(dict.fromkeys(c.column for c in asked)))
    return (
        f"This {verb} the rows of {shown(frame.name)} by a condition on {used}; the result is "
        f"{shown(name)} and {shown(frame.name)} stays as it is. {outcome}"
    )


def _filter_code(frame: Frame, asked: tuple[Condition, ...], name: str, *, drop: bool) -> str:
    parts = [mask(frame, condition) for condition in asked]
    whole = parts[0] if len(parts) == 1 else f"({parts[0]})"
    for condition, part in zip(asked[1:], parts[1:], strict=True):
        whole = f"{whole} {condition.joined} ({part})"
    whole = f"~({whole})" if drop else whole
    head = "import pandas as pd\n\n" if "pd." in whole else ""
    return (
        f'{head}{name} = {frame.expr}[{whole}]\nprint(len({name}), "of", len({frame.expr}), "rows")\n{name}'
    )


def _no_condition(words: str, frame: Frame) -> str:
    subject = _SUBJECT.search(words)
    if subject and not _columns_in(subject.group(1), frame):
        return no_column(subject.group(1).strip(), frame)
    return (
        "I do not understand the condition. Name a column, a comparison and a value, for example "
        f"“rows where {frame.names[0][:40] if frame.names else 'age'} > 30”. "
        f"{shown(frame.name)} has {listed(frame.names)}."
    )


def _columns_in(text: str, frame: Frame) -> bool:
    return bool(find(frame.names, text))


def sort(turn: Turn) -> Plan:
    """Sort a table, or show the rows with the largest or smallest values."""
    found = yield from look()
    frame = yield from choose(turn, found, ask_if_tied=True)
    chosen = resolve(turn, frame, noise=(*_SORT_NOISE, "by", "head", "tail", "view", "print"))
    columns = chosen.columns("by", "sort") or _ranked(chosen)
    plain = _first_rows(frame, turn.words) if not columns else ""
    if plain:
        outcome = yield from propose_cell(plain, title=f"Rows of {frame.name}")
        return f"This shows rows of {shown(frame.name)} as they stand. {outcome}"
    if not columns:
        columns = _only_number(frame)
    limit = _limit(chosen)
    falling = _falling(chosen, limit)
    code = _sort_code(frame, columns, limit, falling=falling)
    other = _sort_code(frame.retyped(), columns, limit, falling=falling)
    outcome = yield from propose_cell(code, title=f"Sort {frame.name}", other=other)
    order = "largest first" if falling else "smallest first"
    what = f"the {limit} rows" if limit else "the rows"
    said = f"This shows {what} of {shown(frame.name)} by {listed(columns)}, {order}."
    return " ".join([*chosen.notes, said, outcome])


def _ranked(chosen: Chosen) -> tuple[str, ...]:
    """Of "which store has the highest revenue" the number alone sets the order."""
    columns = chosen.columns()
    numbers = tuple(name for name in columns if kind_of(chosen.frame.column(name)) == "number")
    return numbers if numbers and _limit(chosen) else columns


def _first_rows(frame: Frame, words: str) -> str:
    """Code for rows in the order they have, unless an order is asked for."""
    if re.search(r"\b(sort\w*|order\w*|rank\w*|top|bottom|\w+est)\b", words, re.IGNORECASE):
        return ""
    number = re.search(r"\b(\d{1,4})\b", words)
    method = "tail" if re.search(r"\b(last|tail)\b", words, re.IGNORECASE) else "head"
    return f"{frame.expr}.{method}({number.group(1) if number else 10})"


def _only_number(frame: Frame) -> tuple[str, ...]:
    numbers = tuple(column.name for column in frame.columns if kind_of(column) == "number")
    if len(numbers) != 1:
        raise Answer(f"By which column of {shown(frame.name)}? It has {listed(frame.names)}.")
    return numbers


def _free(chosen: Chosen) -> list[str]:
    inside = {at for mention in chosen.mentions for at in range(mention.first, mention.last)}
    return [token.text for at, token in enumerate(tokens(chosen.words)) if at not in inside]


def _limit(chosen: Chosen) -> int:
    free = _free(chosen)
    numbers = [int(word) for word in free if word.isdecimal() and len(word) < 7]
    spelled = [_SPELLED[word] for word in free if word in _SPELLED]
    if numbers or spelled:
        return (numbers or spelled)[0]
    ranked = {"top", "bottom", "largest", "smallest", "highest", "lowest", "biggest", "greatest", "most"}
    return 10 if ranked & set(free) and not {"sort", "sorted", "order"} & set(free) else 0


def _falling(chosen: Chosen, limit: int) -> bool:
    free = " ".join(_free(chosen))
    if _RISING.search(free):
        return False
    return bool(_FALLING.search(free)) or bool(limit)


def _sort_code(frame: Frame, columns: tuple[str, ...], limit: int, *, falling: bool) -> str:
    labels = [frame.label(column) for column in columns]
    by = labels[0] if len(labels) == 1 else "[" + ", ".join(labels) + "]"
    tail = f".head({limit})" if limit else ""
    return f"{frame.expr}.sort_values({by}, ascending={not falling}){tail}"


def duplicates(turn: Turn) -> Plan:
    """Show or remove rows that occur more than once."""
    found = yield from look()
    frame = yield from choose(turn, found, ask_if_tied=False)
    chosen = resolve(turn, frame, strict=False)
    labels = ", ".join(frame.label(column) for column in chosen.columns())
    subset = f"subset=[{labels}]" if labels else ""
    name = fresh(f"{frame.name}_unique", found.taken)
    remove = bool(
        _DROPS.search(turn.words.casefold())
        or re.search(r"\b(de-?dup\w*|keep|unique rows)\b", turn.words, re.I)
    )
    code = _duplicate_code(frame, subset, name, remove=remove)
    outcome = yield from propose_cell(code, title=f"Duplicates in {frame.name}")
    scope = f"that agree in {listed(chosen.columns())}" if labels else "that agree in every column"
    does = f"puts {shown(frame.name)} without them into {shown(name)}" if remove else "counts and lists them"
    return f"Looking for rows of {shown(frame.name)} {scope}, this {does}. {outcome}"


def _duplicate_code(frame: Frame, subset: str, name: str, *, remove: bool) -> str:
    if remove:
        return (
            f"{name} = {frame.expr}.drop_duplicates({subset})\n"
            f'print(len({frame.expr}) - len({name}), "duplicate rows left out")\n{name}'
        )
    arguments = f"{subset}, keep=False" if subset else "keep=False"
    return (
        f'print({frame.expr}.duplicated({subset}).sum(), "rows repeat an earlier one")\n'
        f"{frame.expr}[{frame.expr}.duplicated({arguments})]"
    )
