"""Sessions that other people of the hub see: what they get of them, and what of theirs is taken. How it
travels is the server's business; whose name it is was settled before.

A guest's words are comments, which no model is told, or a prompt. Nothing else of a guest becomes a command.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any

from codemad_jupyter.orchestrator import slash
from codemad_jupyter.orchestrator.masking import masked_wholly
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.commands import GuestPrompt, Prompt, ShareSession, UnshareSession
from codemad_jupyter.protocol.errors import CodemadError, Denied, UsageError
from codemad_jupyter.protocol.events import Commented, Event, Notice, ShareChanged
from codemad_jupyter.protocol.permissions import AuditLine
from codemad_jupyter.protocol.sharing import GUEST_TEXT, Share, SharePermission, may

WAIT, LOOK, GATHER = 20.0, 1.0, 0.05
"""Seconds for the first event: of a guest who waits for the next, and of one who only looks what there is.
Then those in which more are gathered."""
MOST_EVENTS, MOST_BYTES = 400, 4_000_000
"""What one answer holds at most; a single event may be larger."""
LARGEST = 16_000_000
"""Characters of an event above which guests are told only that it is there."""
NOT_FOR_GUESTS = frozenset({slash.MODE, slash.COMPACT, slash.AGENT})
"""What a guest's prompt may not begin with: they set something, or start a program of others."""
SEES = "sees this whole conversation from its beginning, with the values and outputs in it, and what follows"
MAY: dict[SharePermission, str] = {
    "read": "",
    "comment": ", and may comment",
    "drive": ", may comment, and may ask here: with its owner's model, files and kernel, as far as"
    " the mode lets that through without asking its owner",
}


async def change(services: Services, session: Session, command: ShareSession | UnshareSession) -> None:
    """Share the session or end that; it is written down, also where it is refused."""
    guest, kept = command.guest, services.shared
    if isinstance(command, ShareSession):
        permission: SharePermission | None = command.permission
        work = partial(kept.share, Share(session=session.id, guest=guest, permission=command.permission))
        text = f"{guest} {SEES}{MAY[command.permission]}."
    else:
        permission, work = None, partial(kept.unshare, session.id, guest)
        text = f"{guest} sees no more of this conversation."
    try:
        await asyncio.to_thread(work)
    except CodemadError as error:
        _record(services, session.id, "the person", command.type, f"{guest}: {permission}", error.message)
        raise
    _record(services, session.id, "the person", command.type, f"{guest}: {permission}")
    session.bus.emit(ShareChanged(guest=guest, permission=permission, text=text))
    await session.bus.saved()


class SharingDesk:
    """What guests get and give."""

    def __init__(self, services: Services, opened: Callable[[str], Awaitable[Session]]) -> None:
        self._services = services
        self._opened = opened

    @property
    def problem(self) -> str:
        """Why nothing can be shared on this machine; empty where it can."""
        return self._services.shared.problem

    async def shares(self) -> tuple[Share, ...]:
        """What is shared, with the titles that the sessions have now."""
        kept = await asyncio.to_thread(self._services.shared.listed)
        titles = {info.id: info.title for info in await self._services.store.sessions()} if kept else {}
        return tuple(
            share.model_copy(update={"title": titles[share.session][:500]})
            for share in kept
            if share.session in titles
        )

    async def events(
        self, guest: str, session: str, after: int, *, wait: bool = True
    ) -> tuple[dict[str, Any], ...]:
        """The events after a number, without secrets; where there are none yet the next ones (``wait``), or
        none after a while. Raises `Denied`."""
        self._need(guest, session, "read")
        bus = (await self._opened(session)).bus
        found = await _gathered(bus.events(after), WAIT if wait else LOOK)
        self._need(guest, session, "read")  # it may have ended while we waited
        return tuple(map(self._told, found))

    async def comment(self, guest: str, session: str, text: str) -> None:
        """Put somebody's words into the conversation. Raises `Denied` or `UsageError`."""
        self._need(guest, session, "comment")
        if not text.strip() or len(text) > GUEST_TEXT:
            raise UsageError(f"A comment has 1 to {GUEST_TEXT:,} characters.", hint="Write less at a time.")
        bus = (await self._opened(session)).bus
        bus.emit(Commented(guest=guest, text=text))
        await bus.saved()

    def check(self, prompt: Prompt) -> None:
        """Whether a prompt that is a guest's may be put. Raises `Denied`; both are written down."""
        if not isinstance(prompt, GuestPrompt):
            return
        told = (prompt.session, prompt.who, "prompt", prompt.text)
        try:
            self._need(prompt.guest, prompt.session, "drive")
            called = slash.read(prompt.text, self._services.commands)
            if called is not None and called.command.name in NOT_FOR_GUESTS:
                said = f"A guest may not use /{called.command.name}."
                raise Denied(said, hint="Ask for what you want in words.")
        except CodemadError as error:
            _record(self._services, *told, error.message)
            raise
        _record(self._services, *told)

    def _need(self, guest: str, session: str, needed: SharePermission) -> None:
        given = self._services.shared.permission(session, guest)
        if not may(given, needed):
            said = (
                f"This session is shared with {guest} for {given} only."
                if given
                else "This session is not shared with you."
            )
            raise Denied(said, hint="Ask its owner for more.")

    def _told(self, event: Event) -> dict[str, Any]:
        shown = masked_wholly(event, self._services.redact)
        if len(shown.model_dump_json()) > LARGEST:
            text = "Something here is too large to be shown to guests."
            stamp = {name: getattr(event, name) for name in ("seq", "session", "run", "agent", "at")}
            shown = Notice(level="warning", code="too_large", text=text, **stamp)
        return shown.model_dump(mode="json")


async def _gathered(events: AsyncIterator[Event], patience: float) -> list[Event]:
    """The next events, as many as come at once; none where nothing happens."""
    found: list[Event] = []
    size = 0
    with contextlib.suppress(TimeoutError):  # what there is by then
        async with asyncio.timeout(patience) as limit, aclosing(events):  # type: ignore[type-var]
            async for event in events:
                if not found:
                    limit.reschedule(asyncio.get_running_loop().time() + GATHER)
                found.append(event)
                size += len(event.model_dump_json())
                if len(found) >= MOST_EVENTS or size >= MOST_BYTES:
                    break
    return found


def _record(services: Services, session: str, who: str, tool: str, action: str, refused: str = "") -> None:
    services.audit.record(
        AuditLine(
            at=time.time(),
            session=session,
            who=who,
            tool=tool,
            axis="control",
            action=action,
            decision="denied" if refused else "allowed",
            rule=refused or "shared by the person",
            outcome="not done" if refused else "done",
        )
    )
