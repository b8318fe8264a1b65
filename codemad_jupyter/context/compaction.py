"""Makes a conversation shorter: a view over the messages, never a deletion. Pure.

First what tools put out long ago goes, then whole turns from the oldest on; what goes is told in short.
A turn begins with a message of the person.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from codemad_jupyter.protocol.messages import Message, TextPart, ToolCallPart, ToolResultPart
from codemad_jupyter.protocol.tokens import message_tokens, tokens
from codemad_jupyter.protocol.wording import counted

SHORT = 200
"""Characters of a tool's result that are never worth leaving out."""
ASKED, ANSWERED = 400, 300
"""Characters of a request and of an answer that are kept in a digest."""
HEADING = "Earlier in this conversation (told in short; look again before you rely on details):"


@dataclass(frozen=True)
class Shorter:
    """The messages that are sent, and what they lack, in words."""

    messages: tuple[Message, ...]
    left_out: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """Estimated tokens of all messages."""
        return sum(map(message_tokens, self.messages))


def turns(messages: Sequence[Message]) -> list[list[Message]]:
    """The messages, cut before each one of the person; what stands before the first is a turn, too."""
    found: list[list[Message]] = []
    for message in messages:
        if message.role == "user" or not found:
            found.append([])
        found[-1].append(message)
    return found


def pruned(messages: Sequence[Message], *, keep: int) -> Shorter:
    """Without the results of tools that lie more than ``keep`` tokens of results back. Errors that are
    short stay, so do calls and their arguments: the model can ask again."""
    kept: list[Message] = []
    seen = gone = 0
    for message in reversed(messages):
        parts = list(message.parts)
        for index, part in enumerate(parts):
            if not isinstance(part, ToolResultPart):
                continue
            size = message_tokens(Message(role="tool", parts=(part,)))
            seen += size
            if seen > keep and (len(part.content) > SHORT or part.images):
                said = f"[Left out to save room, about {size} tokens. Call {part.name} again if you need it.]"
                parts[index] = part.model_copy(update={"content": said, "images": ()})
                gone += 1
        kept.append(message.model_copy(update={"parts": tuple(parts)}))
    words = (f"{gone} earlier results of tools",) if gone else ()
    return Shorter(tuple(reversed(kept)), words)


def fitted(messages: Sequence[Message], *, limit: int) -> Shorter:
    """The messages within ``limit`` tokens: as they are, else without old results, else the latest turns
    behind a digest of the others."""
    whole = Shorter(tuple(messages))
    if whole.tokens <= limit:
        return whole
    light = pruned(messages, keep=limit // 2)
    if light.tokens <= limit:
        return light
    every = turns(light.messages)
    told = limit // 4
    latest: list[Message] = []
    room = limit - told
    while every and (size := sum(map(message_tokens, every[-1]))) <= room:
        latest = every.pop() + latest
        room -= size
    words = f"{counted(len(every), 'earlier turn')}, told in short"
    text = digest([message for turn in every for message in turn], limit=told)
    return Shorter(tuple(beginning_with(text, latest)), (*light.left_out, words))


def beginning_with(text: str, messages: Sequence[Message]) -> list[Message]:
    """The messages with a text in front, as a part of the person's first message: two messages of one role
    in a row are refused by some models."""
    if not text:
        return list(messages)
    head = TextPart(text=text)
    if messages and messages[0].role == "user":
        first = messages[0].model_copy(update={"parts": (head, *messages[0].parts)})
        return [first, *messages[1:]]
    return [Message(role="user", parts=(head,)), *messages]


def digest(messages: Sequence[Message], *, limit: int) -> str:
    """What was asked, called and answered, turn by turn, made without a model: the latest turns that fit
    into ``limit`` tokens, and the number of the others. Empty where nothing fits."""
    lines: list[str] = []
    room = limit - tokens(HEADING) - 20
    every = turns(messages)
    while every:
        text = _told(every[-1])
        if tokens(text) + 1 > room:
            break
        room -= tokens(text) + 1
        lines.append(text)
        every.pop()
    if not lines:
        return ""
    before = [f"({len(every)} turns before that are not told.)"] if every else []
    return "\n".join([HEADING, *before, *reversed(lines)])


def _told(turn: Sequence[Message]) -> str:
    asked = " ".join(part.text for part in turn[0].parts[-1:] if isinstance(part, TextPart))
    lines = [f"- Asked: {_line(asked, ASKED)}"] if turn[0].role == "user" else []
    calls = [_call(call) for message in turn for call in message.tool_calls]
    if calls:
        lines.append(f"  Called: {'; '.join(calls[:8])}{f'; … {len(calls) - 8} more' if calls[8:] else ''}")
    answer = next((message.text for message in reversed(turn) if message.role == "assistant"), "")
    if answer.strip():
        lines.append(f"  Answered: {_line(answer, ANSWERED)}")
    return "\n".join(lines)


def _call(call: ToolCallPart) -> str:
    """The call in a few words: its short arguments."""
    short = {name: value for name, value in call.arguments.items() if len(str(value)) <= 60}
    return f"{call.name}({', '.join(f'{name}={value}' for name, value in short.items())})"


def _line(text: str, size: int) -> str:
    """One line of at most so many characters; of a longer text both ends."""
    line = " ".join(text.split())
    return line if len(line) <= size else f"{line[: size // 2]} … {line[-size // 2 :]}"


def as_text(messages: Sequence[Message], *, result: int = 1_500) -> str:
    """The messages as one text to be summarised; of a tool's result so many characters at most."""
    lines: list[str] = []
    for message in messages:
        for part in message.parts:
            match part:
                case TextPart():
                    lines.append(f"{message.role}: {part.text}")
                case ToolCallPart():
                    lines.append(f"call {part.name}: {_short(str(part.arguments), result)}")
                case ToolResultPart():
                    said = "error" if part.is_error else "result"
                    lines.append(f"{said} of {part.name}: {_short(part.content, result)}")
                case _:
                    pass  # thinking is nobody's to keep, an image is no text
    return "\n".join(lines)


def _short(text: str, size: int) -> str:
    return text if len(text) <= size else f"{text[:size]} […]"
