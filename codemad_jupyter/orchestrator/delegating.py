"""Explorers: roles that only look, sent out by the model of a run. None of them can send out others; how many
there are, and how many at once, is limited here."""

import asyncio
from dataclasses import dataclass, field

from codemad_jupyter.orchestrator.role_runs import Crew, RoleResult, run_role
from codemad_jupyter.protocol.errors import ToolError

AT_ONCE = 3
MOST = 8
"""Explorers of one run."""


@dataclass
class Explorers:
    """Those of one run; see `tools.tool.Delegates`."""

    crew: Crew
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _sent: int = 0

    async def explore(self, role: str, task: str) -> str:
        """Let a role look into something; its report. Raises `ToolError` and `NotFound`."""
        if self._sent >= MOST:
            raise ToolError(f"{MOST} explorers were sent out in this run.", hint="Look yourself.")
        self._sent += 1
        services = self.crew.services
        chosen = (await asyncio.to_thread(services.roles)).get(role)
        mark = self.crew.roll.enter(chosen.name, task)
        try:
            async with self._free:
                result: RoleResult = await run_role(chosen, task, crew=self.crew, mark=mark, looks=True)
        finally:
            mark.ends("stopped", "Stopped.")  # where it never began
        if result.status != "done":
            raise ToolError(
                f"The {role} came to no end: {result.text}", hint="Look yourself, or ask for less."
            )
        return result.text
