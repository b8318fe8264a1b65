"""The browser tabs connected now, the notebooks they have open, and calls to one of them.

Owns who is there and which answer belongs to which call. What is asked of a tab is decided in
``tab_notebooks``; how frames travel is ``stream``'s business.
"""

import asyncio
import contextlib
import hmac
import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from codemad_jupyter.protocol.errors import NotebookClosed, NotebookError, raised
from codemad_jupyter.protocol.frames import (
    Hello,
    PortCall,
    PortOp,
    PortProgress,
    PortReply,
    ServerFrame,
    Welcome,
)

GRACE = 3.0
"""Seconds a tab that lost its socket counts as still there: a reload must not look like a closed notebook."""

RELOAD = "Reload the browser tab and try again."


class Outlet(Protocol):
    """Where frames for one tab go."""

    def offer(self, frame: ServerFrame) -> bool:
        """Take the frame to be sent; False when too much is waiting already."""
        ...


@dataclass(eq=False)
class Tab:
    """A browser tab. ``outlet`` is None while its socket is lost; ``turn`` grows with each hello."""

    client: str
    outlet: Outlet | None
    notebooks: dict[str, str | None] = field(default_factory=dict)
    active: str | None = None
    turn: int = 0
    back: asyncio.Event = field(default_factory=asyncio.Event)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    heeding: dict[str, Callable[[str], None]] = field(default_factory=dict)


class Tabs:
    """The registry. All methods run on the server's loop."""

    def __init__(self, *, grace: float = GRACE) -> None:
        self._grace = grace
        self._tabs: dict[str, Tab] = {}
        self._turns = itertools.count(1)

    def greet(self, outlet: Outlet, hello: Hello) -> None:
        """A tab says who it is and what it has open; a known client comes back under its name. It is told
        the nonce by which it is known, over its own socket and nowhere else."""
        for tab in [t for t in self._tabs.values() if t.outlet is outlet and t.client != hello.client]:
            self._drop(tab)
        tab = self._tabs.setdefault(hello.client, Tab(hello.client, outlet))
        tab.outlet, tab.active, tab.turn = outlet, hello.active, next(self._turns)
        tab.notebooks = {notebook.path: notebook.kernel for notebook in hello.notebooks}
        tab.back.set()
        outlet.offer(Welcome(nonce=tab.nonce))

    def known_by(self, nonce: str) -> Tab | None:
        """The tab that was told this nonce."""
        given = nonce.encode("utf-8", "replace")
        found = (t for t in self._tabs.values() if hmac.compare_digest(t.nonce.encode(), given))
        return next(found, None)

    def present(self, client: str) -> bool:
        """Is this tab there, or just reloading?"""
        return client in self._tabs

    def lost(self, outlet: Outlet) -> None:
        """The socket is gone; the tab is forgotten unless it comes back within the grace period."""
        for tab in [t for t in self._tabs.values() if t.outlet is outlet]:
            tab.outlet = None
            tab.back.clear()
            asyncio.get_running_loop().call_later(self._grace, self._drop_if_away, tab, tab.turn)

    def reply(self, outlet: Outlet, frame: PortReply) -> bool:
        """Hand an answer to the call that waits for it; False when none does (any more)."""
        for tab in self._tabs.values():
            answer = tab.waiting.get(frame.id) if tab.outlet is outlet else None
            if answer is not None and not answer.done():
                _settle(answer, frame)
                return True
        return False

    def progress(self, outlet: Outlet, frame: PortProgress) -> None:
        """Tell the call that waits how far it has come; a call that has ended does not care."""
        for tab in self._tabs.values():
            if tab.outlet is outlet and frame.id in tab.heeding:
                tab.heeding[frame.id](frame.request)

    def kernel_notebook(self, kernel: str) -> str | None:
        """The notebook that a tab shows with this kernel."""
        pairs = ((path, k) for tab in self._recent_first() for path, k in tab.notebooks.items())
        return next((path for path, k in pairs if k == kernel), None)

    def any_open(self) -> bool:
        """Whether some tab has a notebook open."""
        return any(tab.notebooks for tab in self._tabs.values())

    def __len__(self) -> int:
        return sum(tab.outlet is not None for tab in self._tabs.values())

    async def holder(self, path: str) -> Tab | None:
        """The one tab to ask about a notebook: where it is in front, else the latest that spoke."""
        while holders := [tab for tab in self._recent_first() if path in tab.notebooks]:
            present = [tab for tab in holders if tab.outlet is not None]
            if present:
                return next((tab for tab in present if tab.active == path), present[0])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(holders[0].back.wait(), self._grace + 0.5)
        return None

    async def call(
        self,
        tab: Tab,
        op: PortOp,
        *,
        path: str,
        arguments: dict[str, Any],
        timeout: float | None,
        progress: Callable[[str], None] | None = None,
    ) -> Any:
        """Ask one tab and wait for its answer; raises what the tab reports, or `NotebookError`.

        ``progress`` hears of the message that an execution became.
        """
        call = PortCall(id=secrets.token_hex(8), op=op, path=path, arguments=arguments)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        tab.waiting[call.id] = answer
        if progress is not None:
            tab.heeding[call.id] = progress
        try:
            if tab.outlet is None or not tab.outlet.offer(call):
                raise NotebookError(f"The browser tab that shows {path} cannot be reached now.", hint=RELOAD)
            return await asyncio.wait_for(answer, timeout)
        except TimeoutError as error:
            said = f"The browser tab that shows {path} did not answer '{op}' within {timeout:g} seconds."
            raise NotebookError(
                said, hint="Bring the tab to the front or reload it, then try again."
            ) from error
        finally:
            tab.waiting.pop(call.id, None)
            tab.heeding.pop(call.id, None)

    def _recent_first(self) -> list[Tab]:
        return sorted(self._tabs.values(), key=lambda tab: tab.turn, reverse=True)

    def _drop_if_away(self, tab: Tab, turn: int) -> None:
        """Forget a tab that has not come back since; each loss has its own grace period."""
        if tab.outlet is None and tab.turn == turn and self._tabs.get(tab.client) is tab:
            self._drop(tab)

    def _drop(self, tab: Tab) -> None:
        self._tabs.pop(tab.client, None)
        tab.outlet = None
        tab.back.set()  # whoever waits for it looks again and finds it gone
        for answer in tab.waiting.values():
            if not answer.done():
                said = "The browser tab that shows the notebook was closed before it answered."
                answer.set_exception(NotebookClosed(said, hint="Open the notebook and try again."))


def _settle(answer: asyncio.Future[Any], frame: PortReply) -> None:
    if frame.error is None:
        answer.set_result(frame.value)
    else:
        answer.set_exception(raised(frame.error))
