"""What a cassette holds, call by call, and how it is made smaller."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemad_jupyter.disk import write_whole
from codemad_jupyter.gateway.cassette import Cassette, Recorded, header, line_of, locked, record_of
from codemad_jupyter.protocol.errors import CodemadError

_WORDS = 60


@dataclass(frozen=True)
class Row:
    """A recorded call in a few words. ``current`` unless a later take has answers to the same request."""

    line: int
    take: int
    model: str
    messages: int
    asked: str
    answered: str
    current: bool


def rows(cassette: Cassette) -> Iterator[Row]:
    """The calls in the order of the file."""
    values: dict[str, Any] = {}
    for record in cassette.records():
        values.update(record.sketch.values)
        yield Row(
            line=record.line,
            take=record.take,
            model=record.model,
            messages=len(record.sketch.messages),
            asked=_asked(record, values),
            answered=_answered(record.answer),
            current=_current(cassette, record),
        )


def prune(path: Path) -> int:
    """Leave out damaged lines and answers that a later take replaced; how many calls stay.

    The file is replaced as a whole, so nobody ever reads half of it. Raises `CodemadError`.
    """
    cassette = Cassette(path)
    len(cassette)  # raises where there is none
    try:
        return _pruned(path, cassette)
    except OSError as error:
        said = f"The cassette {path} cannot be written: {error.strerror}."
        raise CodemadError(said, hint="Nothing was changed. Copy it to a folder you may write to.") from error


def _pruned(path: Path, cassette: Cassette) -> int:
    with locked(path):
        kept = [record for record in cassette.records() if _current(cassette, record)]
        known = {name: value for each in cassette.records() for name, value in each.sketch.values.items()}
        lines = _lines(kept, known, cassette.default or "")
        write_whole(path, b"".join(lines), mode=path.stat().st_mode & 0o777)
    return len(kept)


def _lines(records: list[Recorded], known: dict[str, Any], default: str) -> Iterator[bytes]:
    yield line_of(header(default))
    told: set[str] = set()
    for record in records:
        named = (record.sketch.system, *record.sketch.tools.values(), *record.sketch.messages)
        values = {name: known[name] for name in named if name in known and name not in told}
        told.update(values)
        yield line_of(record_of(record.sketch, record.answer, take=record.take, values=values))


def _current(cassette: Cassette, record: Recorded) -> bool:
    return any(place.line == record.line for place in cassette.found(record.key))


def _asked(record: Recorded, values: dict[str, Any]) -> str:
    """The last text of the last message."""
    message = values.get(record.sketch.messages[-1]) if record.sketch.messages else None
    parts = message.get("parts", ()) if isinstance(message, dict) else ()
    texts = [str(part.get("text") or part.get("content") or "") for part in parts if isinstance(part, dict)]
    return _short(texts[-1]) if texts else ""


def _answered(answer: list[dict[str, Any]]) -> str:
    words = [piece for line in answer if line.get("type") == "text" for piece in line.get("pieces", ())]
    calls = [f"[{line['call']['name']}]" for line in answer if line.get("type") == "call"]
    failed = [str(line.get("text", "")) for line in answer if line.get("type") == "failed"]
    return _short(" ".join(["".join(map(str, words)), *calls, *failed]))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WORDS else f"{line[: _WORDS - 1]}…"
