"""``%codemad verify``: run this notebook again in a throw-away kernel and show what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codemad_jupyter.magics.canvas import show_text
from codemad_jupyter.magics.place import place_of
from codemad_jupyter.protocol.commands import VerifyNotebook
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.events import RunFinished, Verified

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from codemad_jupyter.magics.conversation import Conversation


class NotVerified(CodemadError):
    """The notebook could not be run again, or does not give what is stored."""

    code = "not_verified"


def verify(talk: Conversation, ip: InteractiveShell, cells: tuple[str, ...]) -> None:
    """Show the report; where nobody is there to read it, a notebook that differs fails the cell."""
    from codemad_jupyter.notebooks.verify import account

    place = place_of(ip)
    client = talk.door.client(place)
    session, target = talk.door.session(place), talk.door.target(place)
    command = VerifyNotebook(session=session, target=target, cells=cells, edge="magic")
    same = True
    for event in client.follow(client.submit(command)):
        if isinstance(event, Verified):
            show_text(ip, account(event.report))
            same = event.report.same
        elif isinstance(event, RunFinished) and event.status == "cancelled":
            raise KeyboardInterrupt(event.text)
        elif isinstance(event, RunFinished) and (event.status != "done" or (place.headless and not same)):
            raise NotVerified(event.text, hint="Run the notebook from top to bottom and save it.")
