"""Counts tokens: an estimate from the text alone, and what providers' own counts teach about it."""

from codemad_jupyter.protocol.messages import ImagePart, Message, ToolResultPart

CHARS_PER_TOKEN = 4
"""The usual estimate for English and code."""
IMAGE_TOKENS = 1_500
MESSAGE_TOKENS = 4
"""What a message costs beside its text."""
SMALL = 500
"""Tokens of a request that teaches nothing: what a provider adds to each one outweighs its text."""
LEAST, MOST = 0.8, 4.0
"""How far a provider's count may move the estimate."""


def tokens(text: str) -> int:
    """Estimated tokens of a text: 4 ASCII characters make one, other scripts weigh by their UTF-8 bytes
    (about 0.75 a Cyrillic or Greek letter, 1.25 a Chinese character, 1.75 an emoji)."""
    weight = len(text)
    if not text.isascii():
        weight += 2 * (len(text.encode("utf-8", "surrogatepass")) - len(text))
    return (weight + CHARS_PER_TOKEN - 1) // CHARS_PER_TOKEN


def message_tokens(message: Message) -> int:
    """Estimated tokens of a message; an image counts as 1,500."""
    images = sum(isinstance(part, ImagePart) for part in message.parts)
    images += sum(len(part.images) for part in message.parts if isinstance(part, ToolResultPart))
    text = message.model_dump_json(exclude={"parts": {"__all__": {"data", "images"}}})
    return MESSAGE_TOKENS + tokens(text) + IMAGE_TOKENS * images


class TokenGauge:
    """What one estimated token is in a model's own tokens, learned from the counts it sends back.

    More than estimated is believed at once, less only by and by: too little room is the worse mistake.
    """

    def __init__(self) -> None:
        self._factors: dict[str, float] = {}

    def learn(self, model: str, *, estimated: int, counted: int) -> None:
        """Take in the count of one request."""
        if estimated < SMALL or counted <= 0:
            return
        seen = min(max(counted / estimated, LEAST), MOST)
        before = self._factors.get(model, 1.0)
        self._factors[model] = seen if seen > before else before + (seen - before) / 4

    def factor(self, model: str) -> float:
        """Own tokens of the model per estimated token; 1 before the first count."""
        return self._factors.get(model, 1.0)
