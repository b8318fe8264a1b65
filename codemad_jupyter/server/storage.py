"""The REST routes of backups, for the command line of who owns the server: it has the store open, so it makes
them and brings them back. Files go through the workspace's data folder; no path comes over the line.
"""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from codemad_jupyter.server.configuring import JsonHandler


@web.stream_request_body
class BackupHandler(JsonHandler):
    """Makes a backup; the answer names the file on this machine."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        await self.answer(self._backup)

    async def _backup(self) -> dict[str, Any]:
        from codemad_jupyter.app.backup import default_target, make_backup
        from codemad_jupyter.config.paths import data_dir, workspace_dir

        engine = await self.host.engine()
        settings = await self.host.settings()
        root = engine.services.root
        folder = workspace_dir(root, settings=settings)
        target = default_target(folder, root)
        store = engine.services.store
        manifest = await make_backup(store, folder, root=root, person=data_dir(settings), target=target)
        return {"file": str(target), "manifest": manifest.model_dump()}


@web.stream_request_body
class RestoreHandler(JsonHandler):
    """Brings back a backup that lies in the data folder under the name that is sent."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        await self.answer(self._restore)

    async def _restore(self) -> dict[str, Any]:
        from codemad_jupyter.app.restore import restore, restored_text, staged

        settings = await self.host.settings()
        root = await asyncio.to_thread(self.host.root.resolve)
        file = staged(self.fields(file=str)["file"], root=root, settings=settings)
        async with self.host.released():
            done = await restore(file, root=root, settings=settings)
        return {"text": restored_text(done), "problems": done.problems}
