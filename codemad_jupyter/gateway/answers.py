"""The deltas of one answer as a cassette's line holds them: written with tokens, played with what they mean.

Owns where a text may be cut: a secret or an id that came in two pieces must not stay readable. Pure.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from pydantic import TypeAdapter, ValidationError

from codemad_jupyter.gateway.normal import mapped
from codemad_jupyter.gateway.provider import Delta, Failed, Finished, TextPiece, ThinkingPiece
from codemad_jupyter.protocol.errors import CodemadError

_AGAIN = "Record the cassette again."

Change = Callable[[str], str]

_DELTA: TypeAdapter[Delta] = TypeAdapter(Delta)
_PIECES: dict[str, type[TextPiece] | type[ThinkingPiece]] = {"text": TextPiece, "thinking": ThinkingPiece}
_CODES = frozenset({"type", "role", "id", "name", "model", "kind", "code", "stop", "signature", "provider"})
"""Fields that name something and are nobody's text."""


def written(deltas: Sequence[Delta], change: Change) -> list[dict[str, Any]]:
    """The deltas as they are recorded; ``change`` masks and puts tokens in."""
    lines: list[dict[str, Any]] = []
    for kind, group in groupby(deltas, key=type):
        if issubclass(kind, TextPiece | ThinkingPiece):
            pieces = [delta.text for delta in group if isinstance(delta, TextPiece | ThinkingPiece)]
            lines.append({"type": pieces_name(kind), "pieces": _changed(pieces, change)})
        else:
            lines += [_texts(delta.model_dump(mode="json"), change) for delta in group]
    return lines


def pieces_name(kind: type[Any]) -> str:
    """What a run of such pieces is called."""
    return next(name for name, each in _PIECES.items() if each is kind)


def played(lines: Sequence[dict[str, Any]], change: Change) -> list[Delta]:
    """The deltas of a recorded answer; ``change`` puts in what tokens mean. Raises `CodemadError`."""
    try:
        deltas = [delta for line in lines for delta in _deltas(line, change)]
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CodemadError("The recorded answer cannot be read.", hint=_AGAIN) from error
    if not deltas or not isinstance(deltas[-1], Finished | Failed):
        raise CodemadError("The recorded answer has no end.", hint=_AGAIN)
    return deltas


def _deltas(line: dict[str, Any], change: Change) -> Iterator[Delta]:
    piece = _PIECES.get(line["type"])
    if piece is None:
        yield _DELTA.validate_python(_texts(line, change))
        return
    for text in line["pieces"]:
        yield piece(text=change(text))


def _texts(value: Any, change: Change) -> Any:
    """The dumped delta with every text in it changed; fields that name something stay."""
    if isinstance(value, dict):
        return {
            key: each
            if key in _CODES and isinstance(each, str)
            else mapped(each, change)
            if key == "arguments"
            else _texts(each, change)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_texts(each, change) for each in value]
    return change(value) if isinstance(value, str) else value


def _changed(pieces: list[str], change: Change) -> list[str]:
    """The pieces of the changed text: as they came where nothing changes, else cut between words, or not at
    all where a change reaches over several words."""
    whole = "".join(pieces)
    if change(whole) == whole:
        return pieces
    words = _rejoined(pieces)
    changed = [change(word) for word in words]
    return changed if "".join(changed) == change(whole) else [change(whole)]


def _rejoined(pieces: list[str]) -> list[str]:
    """The pieces, joined where a cut would part a word."""
    joined: list[str] = []
    for piece in pieces:
        if joined and not joined[-1][-1:].isspace() and not piece[:1].isspace():
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
