"""A slash command: a word after ``/`` that says what a prompt is about to be. Packages may offer their own
through the hook ``register_commands``."""

from pydantic import Field

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.commands import Intent


class SlashCommand(Value):
    """``/name``, what it does with its prompt, and how it is explained.

    ``template`` becomes the prompt, with what was written after the name for ``{given}``; ``alone`` is the
    prompt where nothing was written (empty: something must be). ``usage`` names what may follow.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")
    text: str
    usage: str = ""
    intent: Intent = "auto"
    template: str = "{given}"
    alone: str = ""
