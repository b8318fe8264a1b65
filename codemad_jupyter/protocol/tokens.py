"""How many tokens texts and messages are, before any provider has counted them: one estimate for all."""

from codemad_jupyter.protocol.messages import ImagePart, Message, ToolCallPart, ToolResultPart

CHARS_PER_TOKEN = 4
"""The usual estimate for English and code."""
IMAGE_TOKENS = 1_500
PART_TOKENS = 8
"""What a part of a message costs beside its text: role, type, ids."""


def tokens(text: str) -> int:
    """Estimated tokens of a text: 4 ASCII characters make one, other scripts weigh by their UTF-8 bytes
    (about 0.75 a Cyrillic or Greek letter, 1.25 a Chinese character, 1.75 an emoji)."""
    weight = len(text)
    if not text.isascii():
        weight += 2 * (len(text.encode("utf-8", "surrogatepass")) - len(text))
    return (weight + CHARS_PER_TOKEN - 1) // CHARS_PER_TOKEN


def message_tokens(message: Message) -> int:
    """Estimated tokens of a message; an image counts as 1,500."""
    total = PART_TOKENS * len(message.parts)
    for part in message.parts:
        match part:
            case ImagePart():
                total += IMAGE_TOKENS
            case ToolCallPart():
                total += tokens(f"{part.name}{part.arguments}")
            case ToolResultPart():
                total += tokens(part.content) + IMAGE_TOKENS * len(part.images)
            case _:
                total += tokens(part.text)
    return total
