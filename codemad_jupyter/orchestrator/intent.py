"""What a prompt asks for: a pure decision by words. A person's own choice always wins."""

import re

from codemad_jupyter.protocol.commands import Intent

FIX = re.compile(r"\b(fix|repair|mend|debug)\b|\bwhy (did|does) (it|this|that) fail", re.IGNORECASE)
EDIT = re.compile(
    r"\b(add|build|change|clean|convert|create|delete|draw|drop|edit|fill|fit|generate|implement|insert|make|"
    r"merge|move|pivot|plot|predict|refactor|remove|rename|replace|rewrite|sort|split|train|write)\b",
    re.IGNORECASE,
)
LOOKED_AT = 2_000
"""Characters of the prompt that are looked at."""


def decide(text: str, chosen: Intent) -> tuple[Intent, str]:
    """The intent and the reason for it."""
    if chosen != "auto":
        return chosen, "chosen by the person"
    head = text[:LOOKED_AT]
    for intent, pattern in (("fix", FIX), ("edit", EDIT)):
        found = pattern.search(head)
        if found:
            return _named(intent), f"the word “{found[0].lower()}”"
    return "answer", "no word that asks for a change"


def _named(intent: str) -> Intent:
    return "fix" if intent == "fix" else "edit"
