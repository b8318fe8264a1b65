"""Owns whom the person shares sessions of one workspace with, and how far.

Kept with the person's data beside the other decisions of theirs, so that no copy of a session, no fork and no
backup brings a share back. A file that cannot be read shares nothing, and is left for the person to mend.
"""

import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from codemad_jupyter.config.private_files import MEND, SPACE, read_bounded, write_private
from codemad_jupyter.protocol.errors import NotFound, SetByAdministrator, StoreError, UsageError
from codemad_jupyter.protocol.policy import NO_POLICY, Policy
from codemad_jupyter.protocol.sharing import Share, SharePermission

FILE = "shared-sessions.json"
MOST = 1_000
OPERATOR = "Who looks after the hub sets it up: codemad relay serve --help says how."
_SHARES = TypeAdapter(tuple[Share, ...])


class SharedSessions:
    """The shares of one workspace, as far as the ``policy`` lets them. Read each time: a revocation holds at
    once. ``problem``: why nothing can be shared on this machine."""

    def __init__(self, folder: Path, *, policy: Policy = NO_POLICY, problem: str = "") -> None:
        self._path = folder / FILE
        self._policy = policy
        self.problem = problem

    def listed(self) -> tuple[Share, ...]:
        """All that hold, oldest first. Raises `UsageError` where the file cannot be read."""
        held = ((share, self._policy.shared_as(share.permission)) for share in self._kept())
        return tuple(share.model_copy(update={"permission": given}) for share, given in held if given)

    def permission(self, session: str, guest: str) -> SharePermission | None:
        """What the guest may do there; None: nothing, as where the file cannot be read."""
        try:
            listed = self.listed()
        except UsageError:  # which is for its owner to know
            return None
        found = (each for each in listed if (each.session, each.guest) == (session, guest))
        return next((each.permission for each in found), None)

    def share(self, share: Share) -> None:
        """Let somebody see a session. Raises `SetByAdministrator`, `UsageError` or `StoreError`."""
        if self.problem:
            raise UsageError(self.problem, hint=OPERATOR)
        if self._policy.shared_as(share.permission) != share.permission:
            most = self._policy.sharing
            said = "Sessions are not shared" if most == "none" else f"A session is shared for {most} at most"
            raise SetByAdministrator(f"{said}: {self._policy.by}.", hint="Share it for less, or ask there.")
        kept = self._others(share.session, share.guest)
        if len(kept) >= MOST:
            raise UsageError(f"{MOST:,} shares are the most.", hint="Take some back: codemad sessions shared")
        self._write((*kept, share))

    def unshare(self, session: str, guest: str) -> None:
        """Let the guest see no more of it. Raises `NotFound`, `UsageError` or `StoreError`."""
        left = self._others(session, guest)
        if len(left) == len(self._kept()):
            hint = "codemad sessions shared lists with whom it is."
            raise NotFound(f"The session is not shared with {guest}.", hint=hint)
        self._write(left)

    def _others(self, session: str, guest: str) -> tuple[Share, ...]:
        return tuple(each for each in self._kept() if (each.session, each.guest) != (session, guest))

    def _kept(self) -> tuple[Share, ...]:
        try:
            return _SHARES.validate_json(read_bounded(self._path, follow_links=False) or b"[]")
        except ValidationError:
            said = f"Whom sessions are shared with cannot be read from {self._path}: nobody sees any now."
            raise UsageError(said, hint=MEND) from None

    def _write(self, shares: tuple[Share, ...]) -> None:
        try:
            write_private(self._path, json.dumps([each.model_dump() for each in shares], indent=1).encode())
        except OSError as error:
            said = f"Whom you share with could not be kept in {self._path}: {error.strerror}."
            raise StoreError(said, hint=SPACE) from error
