"""Which model a prompt goes to: what a person chose, else what the settings name for the kind of work."""

from codemad_jupyter.gateway.choosing import Choice, Need
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.orchestrator import intent
from codemad_jupyter.protocol.commands import Intent, Prompt
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.supply import Purpose
from codemad_jupyter.protocol.tokens import message_tokens

_CONTEXT = 4_000
"""Tokens that rules, kernel and notebook usually add, and the instructions and tools before them."""


_PURPOSES: dict[Intent, Purpose] = {
    "edit": "code",
    "fix": "code",
    "plan": "plan",
    "test": "test",
    "document": "document",
    "review": "review",
}


def purpose_of(chosen: Intent) -> Purpose:
    """What kind of work an intent is."""
    return _PURPOSES.get(chosen, "chat")


def choice_for(
    prompt: Prompt, history: list[Message], *, router: Router, session_model: str
) -> tuple[Choice, Purpose]:
    """The model with its reason, and the purpose. A session whose model is the default one has none of
    its own: then the purpose's model serves."""
    purpose = purpose_of(intent.decide(prompt.text, prompt.intent).intent)
    own = session_model if session_model != router.default_model() else ""
    need = Need(
        purpose=purpose,
        text=prompt.text,
        tokens=_CONTEXT + sum(map(message_tokens, history)) + message_tokens(Message.user(prompt.text)),
        output=router.serving(purpose).max_output_tokens,
    )
    return router.choose(need, asked=prompt.model or own or None), purpose
