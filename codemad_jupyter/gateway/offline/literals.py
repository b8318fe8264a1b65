"""Names from data and from people, made safe for generated code and for Markdown.

Every column name, value or path that reaches generated code passes `literal` or `label`;
every one that reaches an answer passes `shown`. What the code does is not decided here.
"""

import ast
import keyword
from collections.abc import Collection
from itertools import count

MAX_SHOWN = 80


def literal(value: object) -> str:
    """Python source of a plain value; a lone surrogate or a control character comes out escaped."""
    return repr(value)


def label(name: str, *, typed: bool = False) -> str:
    """Source of a column label. ``typed`` reads digits and tuples as what they look like, because an
    inspection shows every label as text."""
    if typed:
        value = _typed(name)
        if value is not None:
            return repr(value)
    return repr(name)


def looks_typed(names: Collection[str]) -> bool:
    """Whether labels shown as text were probably a range of numbers or tuples."""
    listed = list(names)
    if not listed:
        return False
    if all(name == str(position) for position, name in enumerate(listed)):
        return True
    return all(isinstance(_typed(name), tuple) for name in listed)


def _typed(name: str) -> int | tuple[object, ...] | None:
    if len(name) > 200 or not (name.isdecimal() or name.startswith("(")):
        return None
    try:
        value = ast.literal_eval(name)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    if isinstance(value, tuple):
        return value if all(isinstance(part, str | int) for part in value) else None
    return value if isinstance(value, int) else None


def caption(name: str) -> str:
    """Source of a text drawn by matplotlib, where a pair of dollar signs would be read as mathematics."""
    return repr(drawn(name))


def drawn(name: str) -> str:
    """A name as matplotlib should get it: one line, nothing unprintable, no mathematics."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    return _cut(flat or repr(name), 60).replace("$", r"\$")


def shown(name: str) -> str:
    """A name as a Markdown code span on one line, shortened."""
    flat = "".join(c if c.isprintable() else " " for c in name).replace("`", "'")
    return f"`{_cut(' '.join(flat.split()), MAX_SHOWN) or ' '}`"


def listed(names: Collection[str], *, limit: int = 8) -> str:
    """Names as a comma-separated list of code spans, cut after ``limit``."""
    first = [shown(name) for name in list(names)[:limit]]
    rest = len(names) - len(first)
    return ", ".join(first) + (f" and {rest} more" if rest > 0 else "")


def fenced(code: str, language: str = "python") -> str:
    """A Markdown code block whose fence is longer than any in the code."""
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}{language}\n{code.rstrip()}\n{fence}"


def is_name(text: str) -> bool:
    """Whether the text can stand in code as a variable name."""
    return text.isidentifier() and not keyword.iskeyword(text)


def fresh(base: str, taken: Collection[str]) -> str:
    """A variable name that overwrites nothing the person has."""
    if base not in taken:
        return base
    return next(name for n in count(2) if (name := f"{base}_{n}") not in taken)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
