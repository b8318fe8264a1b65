"""The REST routes of agents' worktrees, for people's front ends: how they stand, what was made in one, what a
merge would propose, dropping one. Merging itself is a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from codemad_jupyter.server.configuring import JsonHandler
from codemad_jupyter.server.rest import CodemadHandler

if TYPE_CHECKING:
    from codemad_jupyter.app.agents_desk import AgentsDesk
    from codemad_jupyter.notebooks.cells import Notebook

NAME = r"(?P<name>[a-z0-9][a-z0-9-]{0,39})"


async def _desk(handler: CodemadHandler) -> AgentsDesk:
    from codemad_jupyter.app.agents_desk import AgentsDesk
    from codemad_jupyter.git.worktrees import Worktrees
    from codemad_jupyter.orchestrator.checkpointing import reach

    services = (await handler.host.engine()).services

    async def notebook(path: str) -> Notebook:
        return await (await reach(services, path)).snapshot(path)

    worktrees = Worktrees(services.root, services.data, services.checkpoints)
    return AgentsDesk(worktrees, services.root, notebook)


@web.stream_request_body
class AgentsHandler(JsonHandler):
    """The worktrees; and, for those that are named, what merging them would propose."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self.answer(self._listed)

    @web.authenticated
    @authorized
    async def post(self) -> None:
        await self.answer(self._checked)

    async def _listed(self) -> dict[str, Any]:
        from codemad_jupyter.app.agents_desk import info_of

        found = await (await _desk(self)).standings()
        return {"agents": [info_of(each).model_dump() for each in found]}

    async def _checked(self) -> str:
        names = [name for name in self.fields(agents=list)["agents"] if isinstance(name, str)]
        return (await (await _desk(self)).check(names)).model_dump_json()


class AgentHandler(CodemadHandler):
    """One worktree: what was made in it; and its end, which loses nothing unless asked with ``force``."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        await self.answer(lambda: self._shown(name))

    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        await self.answer(lambda: self._dropped(name))

    async def _shown(self, name: str) -> str:
        return (await (await _desk(self)).work(name)).model_dump_json()

    async def _dropped(self, name: str) -> dict[str, Any]:
        dropped = await (await _desk(self)).drop([name], force=bool(self.number("force")))
        return {"dropped": dropped}
