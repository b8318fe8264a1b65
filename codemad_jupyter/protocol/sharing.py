"""Values of sessions that are shared with other people of a hub: what a guest may do, and what goes through
the relay between two servers. Whose a request is, stands in none of them: the hub vouches for names.
"""

from typing import Any, Literal

from pydantic import Field

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import ErrorValue

SharePermission = Literal["read", "comment", "drive"]
LEAST_FIRST: tuple[SharePermission, ...] = ("read", "comment", "drive")
Name = Field(min_length=1, max_length=200)
SESSION = r"^[A-Za-z0-9_-]{1,100}$"
DESK = "X-Codemad-Desk"
"""Which of a person's servers asks the relay, by a name that the server made up."""
GUEST_TEXT = 20_000
"""Characters that a guest may say at once."""

NEEDS: dict[str, SharePermission] = {"events": "read", "comment": "comment", "prompt": "drive"}
"""The least permission by what a guest asks for."""


def may(given: SharePermission | None, needed: SharePermission) -> bool:
    """Whether this permission is enough."""
    return given is not None and LEAST_FIRST.index(given) >= LEAST_FIRST.index(needed)


class Share(Value):
    """A session of mine that somebody else may see."""

    session: str = Field(pattern=SESSION)
    guest: str = Name
    permission: SharePermission
    title: str = Field(default="", max_length=500)


class SharedWithMe(Value):
    """A session of somebody else that I may see."""

    owner: str
    session: str
    title: str
    permission: SharePermission


class SharingInfo(Value):
    """All that is shared by me and with me. ``problem``: why the latter, or anything, cannot be had now;
    ``offered``: whether anything can be shared on this machine at all."""

    mine: tuple[Share, ...] = ()
    with_me: tuple[SharedWithMe, ...] = ()
    problem: str = ""
    offered: bool = True


class Announced(Value):
    """From an owner's server: all its shares, in place of those it told before."""

    shares: tuple[Share, ...] = Field(max_length=1_000)


class GuestWish(Value):
    """From a guest's server: events after a number, or words for a session. With ``wait`` the answer comes
    when there are new events, or after a while."""

    owner: str = Name
    session: str = Field(pattern=SESSION)
    kind: Literal["events", "comment", "prompt"]
    after: int = Field(default=0, ge=0)
    wait: bool = True
    text: str = Field(default="", max_length=GUEST_TEXT)


class GuestRequest(Value):
    """To an owner's server: what a guest wishes. ``id`` goes back in the `Reply`."""

    id: str
    guest: str
    wish: GuestWish


class Reply(Value):
    """From an owner's server: the answer to a request; events as the protocol has them, or why not."""

    id: str
    events: tuple[dict[str, Any], ...] = ()
    error: ErrorValue | None = None
