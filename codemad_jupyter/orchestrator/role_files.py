"""Reads a role file: Markdown with front matter between two lines of three dashes.

The front matter is a small part of YAML (``name: value``, lists in brackets or one item a line with a dash),
so that every mistake can be told with its line. What a role may be asked for is in `roles`.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.permissions import Mode, Rule
from codemad_jupyter.protocol.supply import Purpose

MOST = 32_000
"""Characters of a role file."""
NAME = r"^[a-z][a-z0-9_-]{0,30}$"
_FIELD = re.compile(r"([A-Za-z_]+):(?:\s+(.*))?$")
_ITEM = re.compile(r"\s*-\s+(.+)$")


class Role(Value):
    """Who does a task: its instructions, what it may use, which model, and how much of it.

    ``tools`` are names, or ``read`` (all that only look) or ``all``; the mode of the conversation holds
    beside them. ``model`` is asked first, then ``fallbacks``; without one the conversation's model is asked.
    """

    name: str = Field(pattern=NAME)
    description: str = Field(min_length=1, max_length=300)
    prompt: str = Field(min_length=1)
    tools: tuple[str, ...] | Literal["read", "all"] = "read"
    mode: Mode = "ask"
    rules: tuple[Rule, ...] = ()
    """What this role may not do, or is asked about, beside the rules that hold for all."""
    purpose: Purpose = "chat"
    model: str | None = None
    fallbacks: tuple[str, ...] = ()
    steps: int = Field(default=15, ge=1, le=200)
    tokens: int | None = Field(default=None, ge=1)
    cost: float | None = Field(default=None, gt=0)
    seconds: float | None = Field(default=None, gt=0)
    origin: str = "built in"
    """Where it comes from: built in, yours, or the project's file."""


def read_role(text: str, *, file: str, origin: str) -> Role:
    """The role that a file describes. Raises `UsageError` with the line and the reason."""
    if len(text) > MOST:
        raise UsageError(f"{file} has more than {MOST:,} characters.", hint="Shorten the instructions.")
    fields, lines, end = _front_matter(text, file)
    prompt = "\n".join(text.splitlines()[end:]).strip()
    if not prompt:
        raise _wrong(file, end, "there are no instructions", "Write them below the second line of dashes.")
    given = {**fields, "prompt": prompt, "origin": origin}
    if "rules" in fields:
        given["rules"] = [_rule(each, file, lines["rules"], fields.get("name")) for each in fields["rules"]]
    for own in ("prompt", "origin"):
        if own in fields:
            raise _wrong(file, lines[own], f"{own} is no field", _known())
    try:
        role = Role.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        said = "is missing" if first["type"] == "missing" else f"is wrong: {first['msg']}"
        hint = _known() if first["type"] in ("extra_forbidden", "missing") else "Mend this line."
        raise _wrong(file, lines.get(field, 1), f"{field} {said}", hint) from error
    stem = file.rpartition("/")[2].removesuffix(".md")
    if role.name != stem:
        raise _wrong(file, lines["name"], f"the name is {role.name}, the file's {stem}", "Use one name.")
    return role


def _front_matter(text: str, file: str) -> tuple[dict[str, Any], Mapping[str, int], int]:
    """The fields, the line of each, and the line after which the instructions begin."""
    all_lines = text.splitlines()
    if not all_lines or all_lines[0].strip() != "---":
        raise _wrong(
            file, 1, "it does not begin with a line of three dashes", "Begin with --- and the fields."
        )
    fields: dict[str, Any] = {}
    lines: dict[str, int] = {}
    last = ""
    for number, line in enumerate(all_lines[1:], start=2):
        if line.strip() == "---":
            return fields, lines, number
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        item, field = _ITEM.match(line), _FIELD.match(line)
        if item and last and isinstance(fields[last], list):
            fields[last].append(_plain(item[1]))
        elif field and field[1] not in fields:
            last, lines[field[1]] = field[1], number
            fields[last] = _value(field[2] or "")
        else:
            said = f"{field[1]} stands there twice" if field else "this is no field: value"
            raise _wrong(file, number, said, "Write one field a line, as in name: coder.")
    raise _wrong(file, len(all_lines), "the front matter has no end", "End it with a line of three dashes.")


def _rule(text: str, file: str, line: int, name: Any) -> Rule:
    """A rule in words: ``deny tool run_command``, ``ask path data/**``. It can only take away."""
    verdict, _, rest = text.partition(" ")
    about, _, what = rest.partition(" ")
    hint = "Write such as deny tool run_command, ask path data/**, hide axis shell, deny command git push."
    if verdict not in ("deny", "ask", "hide") or about not in ("tool", "path", "axis", "command"):
        raise _wrong(file, line, f"{text!r} is no rule of a role", hint)
    if not what.strip():
        raise _wrong(file, line, f"{text!r} is no rule: it does not say what about", hint)
    words: Any = tuple(what.split()) if about == "command" else what.strip()
    try:
        return Rule.model_validate({"decide": verdict, about: words, "origin": f"the role {name}"})
    except ValidationError as error:
        raise _wrong(file, line, f"{text!r} is no rule of a role", hint) from error


def _value(text: str) -> Any:
    """A list in brackets, the beginning of one (nothing), or plain text."""
    text = re.sub(r"\s+#.*$", "", text).strip()
    if not text:
        return []
    if text.startswith("[") and text.endswith("]"):
        return [_plain(part) for part in text[1:-1].split(",") if part.strip()]
    return _plain(text)


def _plain(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _known() -> str:
    names = [name for name in Role.model_fields if name not in ("prompt", "origin")]
    return f"Fields are {', '.join(names)}."


def _wrong(file: str, line: int, said: str, hint: str) -> UsageError:
    return UsageError(f"{file}, line {line}: {said}.", hint=hint)
