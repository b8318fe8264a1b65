"""``%codemad record`` and ``%codemad replay``: which cassette the engine of this kernel works with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.magics.place import place_of
from codemad_jupyter.protocol.errors import UsageError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from codemad_jupyter.magics.conversation import Conversation
    from codemad_jupyter.magics.place import Place
from codemad_jupyter.magics.subcommand_forms import Subcommand


def choose_cassette(talk: Conversation, ip: InteractiveShell, command: Subcommand) -> str:
    """Begin or end recording or replaying; what to say of it."""
    place = place_of(ip)
    talk.door.client(place)
    if talk.door.server is not None:
        raise UsageError(
            "The engine is the Jupyter server's, which others use, too.",
            hint="Start the server with CODEMAD_CASSETTE and CODEMAD_CASSETTE_MODE, or use codemad run.",
        )
    if command.word == "off":
        talk.door.set(cassette_mode="off")
        return "From now on nothing is recorded or replayed. A fresh session has begun."
    path = _path(command.word, place)
    if command.name == "replay" and not path.exists():
        raise UsageError(f"There is no cassette {path}.", hint="Record one with %codemad record FILE.")
    asks = "--or-ask" in command.words
    talk.door.set(cassette=path, cassette_mode="replay_or_ask" if asks else command.name)
    does = "Answers are recorded in" if command.name == "record" else "Answers come from"
    return f"{does} {path.name} from now on. A fresh session has begun."


def _path(word: str, place: Place) -> Path:
    from codemad_jupyter.gateway.tapes import AUTO, beside

    if word != AUTO:
        return Path(word).expanduser().absolute()
    return beside(place.notebook) if place.notebook is not None else Path.cwd()
