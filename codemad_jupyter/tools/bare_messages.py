"""Error messages without the values in them: the words of Python and of libraries stay, and whatever
stands in code that the model knows already."""

import builtins
import re

_LIBRARY = frozenset(
    [
        "ParserError",
        "MergeError",
        "EmptyDataError",
        "OutOfBoundsDatetime",
        "IntCastingNaNError",
        "InvalidIndexError",
        "LinAlgError",
        "AxisError",
        "UFuncTypeError",
        "NotFittedError",
        "ColumnNotFoundError",
        "SchemaError",
        "ComputeError",
        "ShapeError",
        "OperationalError",
        "ProgrammingError",
        "CatalogException",
        "BinderException",
    ]
)
_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|[A-Za-z_][A-Za-z_0-9]*|\d[\w.,:-]*|\s+|[^\w\s]|.", re.DOTALL)
_LONGEST = 600
GONE = "…"


def bare_message(name: str, message: str, *, known: str = "", library: bool = False) -> str:
    """The message with ``…`` for each word that might be a value. Only where a library raised it are its
    own words kept; an error of the person's own code keeps the words of that code."""
    if name not in _LIBRARY and not isinstance(getattr(builtins, name.rpartition(".")[2], None), type):
        return GONE if message else ""
    words = set(re.findall(r"\w+", known))
    kept = "".join(_kept(token, words, known, library) for token in _TOKEN.findall(message[:_LONGEST]))
    return re.sub(rf"{GONE}(?:[\s,;:.]*{GONE})+", GONE, kept)


def _kept(token: str, words: set[str], known: str, library: bool) -> str:
    if token[0] in "'\"`" and len(token) > 1:
        return token if len(token) > 2 and token[1:-1] in known else f"{token[0]}{GONE}{token[0]}"
    if token.isspace() or not (token[0].isalnum() or token[0] == "_"):
        return token if token.isascii() else GONE
    if token in words or (library and token.isalpha() and token.isascii() and token.islower()):
        return token
    return GONE
