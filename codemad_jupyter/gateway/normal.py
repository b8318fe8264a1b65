"""A request as a cassette knows it: without what differs between two runs of one notebook.

Owns what is left out (ids, marks of tags, masked secrets, the workspace's path, addresses, durations) and
what stays: model, instructions, messages, tools, parameters. What an answer may speak of gets a token such
as ``⟦cell 1⟧``, which stands for the same thing when the answer is played again. The file is `cassette`'s.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codemad_jupyter.gateway.provider import Request, ToolSpec
from codemad_jupyter.protocol.messages import (
    ImagePart,
    Message,
    Part,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)

_ID = r"[0-9a-f]{8}(?:(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?"
_KEYS = r"(?:cell|cell_id|id|active|after|before|cells|anchor|new|first|second)"
_CELL_IDS = (
    re.compile(rf'<cell[^>\n]{0, 200} id="({_ID})"'),
    re.compile(rf'"{_KEYS}": ?"({_ID})"'),
    re.compile(rf'"{_KEYS}": ?\[("{_ID}"(?:, ?"{_ID}")*)\]'),
)
"""Where a cell's id stands; a word of eight digits elsewhere may be a date."""
_WORD = re.compile(rf"(?<![\w-]){_ID}(?![\w-])")
_OURS = re.compile(r"(?<![\w-])(?:edit|run|message|checkpoint|approval)-[0-9a-f]{12}(?![\w-])")
_MARK = re.compile(r"(?<=<)(/?[a-z_]+)-([0-9a-f]{8})(?=[ >])")
_SECRET = re.compile(r"\[secret [0-9a-f]{6}: [A-Za-z -]{1,40}\]")
_TOKEN = re.compile(r"⟦[a-z]+(?: \d+)?⟧")
WORKSPACE = "⟦workspace⟧"

_START = r"(?<![^\s\"'(<])[^\s\"'(<]{0,300}"
"""The beginning of a path. It begins with a word and is bounded, or long outputs would take minutes."""
_NOISE = (
    (re.compile(r"\bat 0x[0-9a-fA-F]{6,16}\b"), "at 0x0"),
    (re.compile(r"ipykernel_\d+/\d+"), "ipykernel_0/0"),
    (re.compile(rf"{_START}[/\\]site-packages[/\\]"), "site-packages/"),
    (re.compile(rf"{_START}[/\\]lib[/\\]python3\.\d+[/\\]"), "python3/"),
)
"""What tells one process, machine or installation from another, and what stands for it."""
_DURATION = re.compile(r'"(seconds)": ?\d+(?:\.\d+)?(?:e-?\d+)?')
_MACHINE = re.compile(r'"(memory|version)": ?(?:\d+|"[\d.]+[a-z0-9+]*")')
_LOOKS = frozenset({"list_variables", "inspect_variable"})


class Names:
    """The tokens of one request. ``meant`` says what each stands for."""

    def __init__(self, roots: Iterable[Path], cells: frozenset[str] = frozenset()) -> None:
        given = [str(root) for root in roots if len(root.parts) > 1]
        paths = sorted(given, key=len, reverse=True)
        self.meant: dict[str, str] = {WORKSPACE: given[0]} if given else {}
        self._tokens: dict[tuple[str, str], str] = {}
        self._counts: Counter[str] = Counter()
        self._cells = cells
        choice = "|".join(map(re.escape, paths))
        self._roots = re.compile(rf"(?<![\w.-])(?:{choice})(?![\w-]|\.\w)") if paths else None

    def text(self, text: str, *, new: bool = True) -> str:
        """The text with tokens; unless ``new``, only for what has one by now."""

        def cell(found: re.Match[str]) -> str:
            return self._token("cell", found[0], new) if found[0] in self._cells else found[0]

        def mark(found: re.Match[str]) -> str:
            return f"{found[1]}-{self._token('mark', found[2], new)}"

        if self._roots is not None:
            text = self._roots.sub(WORKSPACE, text)
        if "[secret " in text:
            text = _SECRET.sub(lambda found: self._token("secret", found[0], new), text)
        text = _MARK.sub(mark, text)
        text = _OURS.sub(lambda found: self._token(found[0].partition("-")[0], found[0], new), text)
        return _WORD.sub(cell, text) if self._cells else text

    def restored(self, text: str) -> str:
        """The text with what the tokens stand for."""
        return _TOKEN.sub(lambda found: self.meant.get(found[0], found[0]), text) if "⟦" in text else text

    def _token(self, kind: str, name: str, new: bool) -> str:
        token = self._tokens.get((kind, name))
        if token is None:
            if not new:
                return name
            self._counts[kind] += 1
            token = self._tokens[kind, name] = f"⟦{kind} {self._counts[kind]}⟧"
            self.meant[token] = name
        return token


@dataclass(frozen=True)
class Sketch:
    """A request in parts, each by its digest; ``values`` holds the parts as far as they are known."""

    params: dict[str, Any]
    system: str
    tools: dict[str, str]
    messages: tuple[str, ...]
    values: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> str:
        """What the answer is found by."""
        return digest([self.params, self.system, self.tools, self.messages])


def normalised(request: Request, *, roots: Iterable[Path] = ()) -> tuple[Request, Names]:
    """The request without what differs, and what its tokens mean."""
    names = Names(roots, _cells_of(request))
    update = {
        "system": _still(names.text(request.system)),
        "messages": tuple(_messages(request.messages, names)),
        "tools": tuple(sorted(request.tools, key=lambda tool: tool.name)),
        "timeout": Request.model_fields["timeout"].default,
    }
    return request.model_copy(update=update), names


def sketch(request: Request) -> Sketch:
    """The parts of a normalised request."""
    values: dict[str, Any] = {}

    def kept(value: Any) -> str:
        name = digest(value)
        values[name] = value
        return name

    simple = set(type(request).model_fields) - {"system", "messages", "tools"}
    dumped = request.model_dump(mode="json", include=simple, exclude_defaults=True)
    return Sketch(
        params=dict(sorted(dumped.items())),
        system=kept(request.system),
        tools={tool.name: kept(_spec(tool)) for tool in request.tools},
        messages=tuple(kept(_lean(message)) for message in request.messages),
        values=values,
    )


def digest(value: Any) -> str:
    """What tells this value from others, whatever the order of keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The value with every text in it changed, the keys of objects included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list | tuple):
        return [mapped(each, change) for each in value]
    if isinstance(value, dict):
        return {change(key): mapped(each, change) for key, each in value.items()}
    return value


def _cells_of(request: Request) -> frozenset[str]:
    found: set[str] = set()
    for message in request.messages:
        for text in map(_searched, message.parts):
            for pattern in _CELL_IDS:
                for hit in pattern.findall(text):
                    found.update(re.findall(_ID, hit))
    return frozenset(found)


def _searched(part: Part) -> str:
    match part:
        case TextPart() | ThinkingPart():
            return part.text
        case ToolResultPart():
            return part.content
        case ToolCallPart():
            return json.dumps(part.arguments)
        case _:
            return ""


def _messages(messages: Iterable[Message], names: Names) -> Iterator[Message]:
    """The messages with calls numbered in their order, results in the order of their calls."""
    numbers: dict[str, int] = {}
    count = 0
    for message in messages:
        for call in message.tool_calls:
            count += 1
            numbers[call.id] = count
        parts = message.parts
        if message.role == "tool":
            parts = tuple(sorted(parts, key=lambda part: numbers.get(getattr(part, "id", ""), 0)))
        calls = {id: f"call {number}" for id, number in numbers.items()}
        yield message.model_copy(update={"parts": tuple(_part(part, names, calls) for part in parts)})


def _part(part: Part, names: Names, calls: dict[str, str]) -> Part:
    match part:
        case TextPart():
            return TextPart(text=_still(names.text(part.text)))
        case ThinkingPart():
            return ThinkingPart(text=_still(names.text(part.text)))
        case ImagePart():
            return _image(part)
        case ToolCallPart():
            arguments = mapped(part.arguments, lambda text: _still(names.text(text)))
            return part.model_copy(update={"id": calls[part.id], "arguments": arguments})
        case ToolResultPart():
            content = _DURATION.sub(r'"\1": 0', _still(names.text(part.content)))
            if part.name in _LOOKS:
                content = _MACHINE.sub(r'"\1": 0', content)
            update = {
                "id": calls.get(part.id, "call 0"),
                "content": content,
                "images": tuple(map(_image, part.images)),
                "level": None,
            }
            return part.model_copy(update=update)


def _image(part: ImagePart) -> ImagePart:
    """An image is known by its digest: a cassette holds none."""
    if part.data.startswith("sha256:"):
        return part
    return ImagePart(mime=part.mime, data=f"sha256:{hashlib.sha256(part.data.encode()).hexdigest()[:32]}")


def _still(text: str) -> str:
    for pattern, constant in _NOISE:
        text = pattern.sub(constant, text)
    return text


def _lean(message: Message) -> dict[str, Any]:
    """The message without fields that say nothing, so that a new kind of field changes no old key."""
    parts = [
        {key: value for key, value in part.model_dump(mode="json").items() if value not in (None, False, [])}
        for part in message.parts
    ]
    return {"role": message.role, "parts": parts}


def _spec(tool: ToolSpec) -> dict[str, Any]:
    return tool.model_dump(mode="json")
