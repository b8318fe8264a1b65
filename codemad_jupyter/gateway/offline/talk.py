"""Help, and the plain no: what the built-in assistant is, its nearest abilities, how to connect a model."""

from codemad_jupyter.gateway.offline.columns import parts
from codemad_jupyter.gateway.offline.intents import INTENTS, Intent, abilities
from codemad_jupyter.gateway.offline.steps import Plan, Turn

CONNECT = (
    "To connect a model, choose **Set a key…** where the panel names its model. Or set "
    "`ANTHROPIC_API_KEY` or `OPENAI_API_KEY`, give the base URL of any OpenAI-compatible server, "
    "or start Ollama; `%codemad models` shows what is ready."
)
WHO = "I am the built-in assistant: rules, not a language model. I need no key and no network."


def help_text(turn: Turn) -> Plan:
    """All abilities."""
    yield from ()
    return f"{WHO} I can:\n\n{abilities()}\n\nFor everything else, connect a model. {CONNECT}"


def refusal(turn: Turn) -> Plan:
    """Say plainly that this is beyond the rules."""
    yield from ()
    if not turn.words:
        return f"Your message is empty. {WHO} Ask, for example, “what do I have?” or “help”."
    near = "\n".join(f"- {intent.title.lower()}: “{intent.example}”" for intent in _nearest(turn.words))
    cut = " I read only the beginning and the end of your message, it is very long." if turn.cut else ""
    return (
        f"I cannot do that. {WHO}{cut} I only understand a fixed list of requests about your data, errors "
        f"and code; the nearest are:\n\n{near}\n\n“help” lists them all. {CONNECT}"
    )


def _nearest(words: str) -> list[Intent]:
    wanted = parts(words[:1000])
    ranked = sorted(INTENTS, key=lambda i: -len(wanted & parts(f"{i.title} {i.says} {i.example} {i.name}")))
    return ranked[:3]
