"""What a person sets about the supply of models, and what a call costs: purposes, rates, budgets, charges.

Values only. The gateway acts on them, the settings read them, the store keeps the charges.
"""

from collections.abc import Iterable
from typing import Literal, get_args

from pydantic import Field

from codemad_jupyter.protocol.base import Value

CHOSEN, DEFAULT = "chosen by the person", "the default model"
"""The usual reasons for a model, which nobody needs to be told."""
Purpose = Literal[
    "chat",
    "plan",
    "code",
    "review",
    "test",
    "document",
    "complete",
    "classify",
    "summarise",
    "embed",
    "rerank",
]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
Routing = Literal["explicit", "complexity", "window", "price", "latency", "availability"]


class PurposeSettings(Value):
    """Which models serve one purpose. What is None is as in the settings for everything.

    ``routing`` says which of the model and its fallbacks comes first: ``explicit`` the model, the others
    the one that fits best.
    """

    model: str | None = None
    fallbacks: tuple[str, ...] | None = None
    routing: Routing = "explicit"
    max_output_tokens: int | None = Field(default=None, ge=1, le=1_000_000)
    timeout: float | None = Field(default=None, gt=0, le=3600)


class SignIn(Value):
    """Where and as whom a person signs in at a provider by a code. ``issuer`` is asked for the addresses
    that are not given; ``client_id`` names this program there, as the person's organisation registered it."""

    issuer: str = ""
    client_id: str = ""
    scope: str = ""
    device_url: str = ""
    token_url: str = ""


class Rates(Value):
    """How often one provider may be called. None means no limit."""

    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    concurrency: int | None = Field(default=None, ge=1)


class Budget(Value):
    """What may be used before the next call is refused: US dollars, tokens, seconds of model calls.
    ``days`` is how far back is counted; None: all that was ever used."""

    cost: float | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    days: float | None = Field(default=None, gt=0)


class Budgets(Value):
    """The budgets of a session, of a notebook, and of the person; that of a turn are the limits of a run."""

    session: Budget | None = None
    notebook: Budget | None = None
    user: Budget | None = None


class Account(Value):
    """On whose account a model is called. ``""`` means: of none."""

    session: str = ""
    notebook: str = ""
    purpose: Purpose = "chat"


Scope = Literal["session", "notebook", "user"]


class Charge(Value):
    """One model call that used something. ``cost`` is None where the price is unknown; ``at`` are seconds
    since the epoch."""

    at: float
    model: str
    account: Account
    tokens: int
    cost: float | None = None
    seconds: float = 0.0

    def on(self, scope: Scope, key: str) -> bool:
        """Whether it is on this account: that of a session's id, of a notebook's path, or the person's."""
        return scope == "user" or getattr(self.account, scope) == key


class Spent(Value):
    """What calls used together. ``unpriced`` counts those whose price is unknown."""

    calls: int = 0
    cost: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    unpriced: int = 0

    @classmethod
    def of(cls, charges: Iterable[Charge]) -> "Spent":
        """What the charges come to."""
        every = tuple(charges)
        return cls(
            calls=len(every),
            cost=sum(each.cost or 0.0 for each in every),
            tokens=sum(each.tokens for each in every),
            seconds=sum(each.seconds for each in every),
            unpriced=sum(each.cost is None for each in every),
        )
