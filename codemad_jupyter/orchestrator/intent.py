"""What a prompt asks for: a pure decision by its form, then by its words. A person's own choice always wins.
Where the words leave it open ``sure`` is false, and `classifying` may ask a small model."""

import re
from typing import NamedTuple

from codemad_jupyter.protocol.commands import Intent

FIX = re.compile(r"\b(fix|repair|mend|debug)\b|\bwhy (did|does) (it|this|that) fail", re.IGNORECASE)
EDIT = re.compile(
    r"\b(add|build|change|clean|convert|create|delete|draw|drop|edit|fill|fit|generate|implement|insert|make|"
    r"merge|move|pivot|plot|predict|refactor|remove|rename|replace|rewrite|sort|split|train|write)\b",
    re.IGNORECASE,
)
# Forms that say what is wanted whatever else is in the sentence.
FORMS: tuple[tuple[Intent, re.Pattern[str]], ...] = (
    (
        "plan",
        re.compile(
            r"\s*(?:please\s+)?(?:make|write|draw up|propose|give me)\s+(?:me\s+)?a\s+plan\b", re.IGNORECASE
        ),
    ),
    ("review", re.compile(r"\s*(?:please\s+)?(?:do a )?(?:code )?review\b", re.IGNORECASE)),
    (
        "test",
        re.compile(
            r"\s*(?:please\s+)?(?:write|add|create|generate)\s+(?:\w+\s+){0,2}tests?\b", re.IGNORECASE
        ),
    ),
    (
        "document",
        re.compile(
            r"\s*(?:please\s+)?(?:document\b|(?:write|add)\s+(?:\w+\s+){0,2}(?:docstrings?|documentation)\b)",
            re.IGNORECASE,
        ),
    ),
)
_QUESTION = re.compile(
    r"\s*(?:what|which|who|whose|when|where|why|how|is|are|was|were|does|do|did|should)\b", re.IGNORECASE
)
_IMPERATIVE = re.compile(r"\s*(?:please\s+|can you\s+|could you\s+)?(\w+)", re.IGNORECASE)
LOOKED_AT = 2_000
"""Characters of the prompt that are looked at."""


class Decision(NamedTuple):
    """The intent, the reason for it, and whether the words leave no doubt. ``problem`` is why a model that
    should have been asked could not decide."""

    intent: Intent
    reason: str
    sure: bool = True
    problem: str = ""


def decide(text: str, chosen: Intent) -> Decision:
    """The intent as far as words tell it."""
    if chosen != "auto":
        return Decision(chosen, "chosen by the person")
    head = text[:LOOKED_AT]
    for intent, form in FORMS:
        if found := form.match(head):
            return Decision(intent, f"it begins with “{found[0].strip().lower()}”")
    asks = _QUESTION.match(head) is not None or head.rstrip().endswith("?")
    words: tuple[tuple[Intent, re.Pattern[str]], ...] = (("fix", FIX), ("edit", EDIT))
    for intent, pattern in words:
        if found := pattern.search(head):
            sure = not asks or _commands(head, pattern)
            return Decision(intent, f"the word “{found[0].lower()}”", sure)
    return Decision("answer", "no word that asks for a change", asks)


def _commands(text: str, pattern: re.Pattern[str]) -> bool:
    """Does the sentence begin with the word, as an order does?"""
    first = _IMPERATIVE.match(text)
    return first is not None and pattern.fullmatch(first[1]) is not None
