"""Who may answer approvals and loosen what holds: a person at a browser tab, known by its socket's nonce.

The server's token is not enough, for code in a kernel can read it. A run that a tab began is answered there,
as long as that tab is there; code that opens a socket of its own does not become the tab that asked.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codemad_jupyter.protocol.commands import Ack, Approve, Command
    from codemad_jupyter.server.host import EngineHost
    from codemad_jupyter.server.tabs import Tab

HEADER = "X-Codemad-Tab"
MOST_RUNS = 1_000
PERSONAL = frozenset({"approve", "choose_data_level", "share_session"})
"""Commands for which the token alone is not enough."""
MAY_LOOSEN = frozenset({"choose_mode", "prompt"})
"""Those that may choose a mode in which less is asked about."""
BEGINNING = frozenset({"prompt", "approve_plan"})
"""Commands that begin a run which may ask."""


class Answering:
    """Which tab began which run."""

    def __init__(self, host: EngineHost) -> None:
        self._host = host
        self._began: OrderedDict[str, str] = OrderedDict()

    def need_tab(self, nonce: str) -> Tab:
        """The tab of this nonce. Raises `Denied`."""
        from codemad_jupyter.protocol.errors import Denied

        tab = self._host.tabs.known_by(nonce) if nonce else None
        if tab is None:
            raise Denied(
                "This can only be done in CodeMAD's panel: a token is not enough, for code can read it.",
                hint="Open JupyterLab and do it there; if you are there, reload the page.",
            )
        return tab

    async def check(self, command: Command, nonce: str) -> None:
        """Raises `Denied` for a command that is not this caller's to give; that is written down."""
        from codemad_jupyter.protocol.errors import Denied

        try:
            if command.type in PERSONAL or await self._gives_rights(command):
                tab = self.need_tab(nonce)
                if command.type == "approve":
                    await self._check_asker(command, tab)
        except Denied:
            await self._record(command)
            raise

    def began(self, command: Command, ack: Ack, nonce: str) -> None:
        """Remember which tab a run belongs to."""
        tab = self._host.tabs.known_by(nonce) if nonce else None
        if command.type not in BEGINNING or tab is None or ack.run is None:
            return
        self._began[ack.run] = tab.client
        while len(self._began) > MOST_RUNS:
            self._began.popitem(last=False)

    async def _check_asker(self, command: Approve, tab: Tab) -> None:
        from codemad_jupyter.protocol.errors import Denied

        engine = await self._host.engine()
        asker = self._began.get(await engine.waiting_run(command.session, command.approval) or "")
        if asker not in (None, tab.client) and self._host.tabs.present(asker):
            raise Denied(
                "This was asked in another tab of JupyterLab, which is still open.",
                hint="Allow it there. It can be refused in any tab.",
            )

    async def _gives_rights(self, command: Command) -> bool:
        if command.type in MAY_LOOSEN:
            return (await self._host.engine()).services.modes.loosened_by(command)
        if command.type != "accept_edit":
            return False
        return await (await self._host.engine()).gives_rights(command.session, command.edit)

    async def _record(self, command: Command) -> None:
        from codemad_jupyter.protocol.permissions import AuditLine

        engine = await self._host.engine()
        session = getattr(command, "session", "")
        engine.services.audit.record(
            AuditLine(
                at=time.time(),
                session=session,
                who="a caller of the server",
                tool=command.type,
                axis="control",
                action=getattr(command, "approval", "") or getattr(command, "edit", ""),
                decision="denied",
                rule="an attempt without the nonce of the tab that asked",
                outcome="not done",
            )
        )
