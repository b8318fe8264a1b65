"""What rows are grouped or laid out by: a column as it is, or a date cut to months, years and the like."""

from dataclasses import dataclass

from codemad_jupyter.gateway.offline.columns import parts
from codemad_jupyter.gateway.offline.frames import Chosen
from codemad_jupyter.gateway.offline.literals import shown
from codemad_jupyter.gateway.offline.reading import Frame, is_group, kind_of
from codemad_jupyter.gateway.offline.steps import Answer
from codemad_jupyter.gateway.offline.wording import tokens
from codemad_jupyter.protocol.kernels import Column

GRAINS = {
    "day": "D", "days": "D", "daily": "D", "week": "W", "weeks": "W", "weekly": "W",
    "month": "M", "months": "M", "monthly": "M", "quarter": "Q", "quarters": "Q", "quarterly": "Q",
    "year": "Y", "years": "Y", "yearly": "Y", "annual": "Y",
}  # fmt: skip
PLAIN = {"D": "day", "W": "week", "M": "month", "Q": "quarter", "Y": "year"}
TIME_WORDS = (*GRAINS, "time", "date", "dates")
BY = ("by", "per", "across", "each", "every", "over", "within", "for")


@dataclass(frozen=True)
class Key:
    """A grouping key: ``source`` is code, ``name`` is for people, ``column`` is what it reads."""

    source: str
    name: str
    column: str
    grain: str = ""


def is_date(column: Column) -> bool:
    """A date by dtype, or text whose column name says so."""
    dated = bool(parts(column.name) & {"date", "datetime", "timestamp"})
    return kind_of(column) == "date" or (kind_of(column) == "text" and dated)


def date_source(frame: Frame, column: Column) -> str:
    """Source of the column as dates; text is parsed."""
    if kind_of(column) == "date":
        return frame.ref(column.name)
    return f"pd.to_datetime({frame.ref(column.name)})"


def grain_asked(chosen: Chosen) -> str:
    """The period code of a word such as "monthly" that is no column's name."""
    taken = {word for column in chosen.columns() for word in parts(column)}
    words = (token.text for token in tokens(chosen.words) if not token.quoted)
    return next((GRAINS[word] for word in words if word in GRAINS and word not in taken), "")


def only_date(frame: Frame) -> Column | None:
    """The one date column, real dates first."""
    real = [column for column in frame.columns if kind_of(column) == "date"]
    found = real or [column for column in frame.columns if is_date(column)]
    return found[0] if len(found) == 1 else None


def time_key(chosen: Chosen) -> Key | None:
    """The key behind "by month": the named date column, else the only one."""
    grain = grain_asked(chosen)
    if not grain:
        return None
    named = [chosen.frame.column(name) for name in chosen.columns()]
    column = next((column for column in named if is_date(column)), None) or only_date(chosen.frame)
    if column is None:
        raise Answer(
            f"To group by {PLAIN[grain]} I need one date column, and {shown(chosen.frame.name)} has none or "
            "several. Name the column."
        )
    return dated(chosen.frame, column, grain)


def dated(frame: Frame, column: Column, grain: str) -> Key:
    """A date cut to a period."""
    source = f'{date_source(frame, column)}.dt.to_period("{grain}")'
    if column.dtype.lower().startswith("period"):
        source = f'{frame.ref(column.name)}.dt.asfreq("{grain}")'
    elif "," in column.dtype:
        source = f'{date_source(frame, column)}.dt.tz_localize(None).dt.to_period("{grain}")'
    return Key(source, f"{column.name} ({PLAIN[grain]})", column.name, grain)


def split(chosen: Chosen) -> tuple[tuple[str, ...], tuple[Key, ...]]:
    """The named columns as values and grouping keys, from the prepositions in front of them."""
    frame = chosen.frame
    time = time_key(chosen)
    columns = chosen.columns()
    by = [name for name in chosen.columns(*BY) if not time or name != time.column]
    rest = [name for name in columns if name not in by and (not time or name != time.column)]
    if not by and not time and len(rest) > 1:
        groups = [name for name in rest if is_group(frame.column(name))]
        by = groups if len(groups) < len(rest) else []
        rest = [name for name in rest if name not in by]
    keys = [Key(frame.label(name), name, name) for name in by]
    return tuple(rest), ((time, *keys) if time else tuple(keys))
