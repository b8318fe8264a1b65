"""What providers' own counts teach about the estimate of tokens."""

SMALL = 500
"""Tokens of a request that teaches nothing: what a provider adds to each one outweighs its text."""
LEAST, MOST = 0.8, 4.0
"""How far a provider's count may move the estimate."""


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
