"""Messages: a role and typed parts. Values without identity; the store adds it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.privacy import DataLevel

Role = Literal["user", "assistant", "tool"]


class TextPart(Value):
    """Markdown text."""

    type: Literal["text"] = "text"
    text: str


class ThinkingPart(Value):
    """A model's reasoning; ``signature`` must be sent back unchanged to the provider that made it."""

    type: Literal["thinking"] = "thinking"
    text: str
    signature: str | None = None
    provider: str | None = None


class ImagePart(Value):
    """An image; ``data`` is base64."""

    type: Literal["image"] = "image"
    mime: str
    data: str


class ToolCallPart(Value):
    """The model asks for a tool; ``id`` links the call to its result."""

    type: Literal["tool_call"] = "tool_call"
    id: str
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class ToolResultPart(Value):
    """What a tool answered; ``content`` is JSON text where the tool returns data, else plain text.
    ``images`` come beside it, where the model may get them. ``level`` is the least data level at which
    it may be sent again."""

    type: Literal["tool_result"] = "tool_result"
    id: str
    name: str
    content: str
    is_error: bool = False
    images: tuple[ImagePart, ...] = ()
    level: DataLevel | None = None


Part = Annotated[
    TextPart | ThinkingPart | ImagePart | ToolCallPart | ToolResultPart, Field(discriminator="type")
]


class Message(Value):
    """One message of a conversation. Tool results travel in messages of role ``tool``."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """All text parts joined."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def tool_calls(self) -> tuple[ToolCallPart, ...]:
        """The tool calls of this message, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCallPart))

    @classmethod
    def user(cls, text: str) -> "Message":
        """A user message of one text part."""
        return cls(role="user", parts=(TextPart(text=text),))

    @classmethod
    def assistant(cls, text: str) -> "Message":
        """An assistant message of one text part."""
        return cls(role="assistant", parts=(TextPart(text=text),))


def without_images(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages for a model that cannot see: tools may have answered to one that could."""
    return tuple(_text_results(message) if message.role == "tool" else message for message in messages)


def _text_results(message: Message) -> Message:
    parts = tuple(
        part.model_copy(update={"images": ()}) if isinstance(part, ToolResultPart) else part
        for part in message.parts
    )
    return message.model_copy(update={"parts": parts})


class Usage(Value):
    """Tokens of one or more model calls."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
        )
