"""The server extension's two moments: loading, and the first turn of the server's loop."""

from __future__ import annotations

from jupyter_server.serverapp import ServerApp


def load(app: ServerApp) -> None:
    app.log.debug("CodeMAD is loaded; it adds no handlers yet")


async def start(app: ServerApp) -> None:
    app.log.debug("CodeMAD is started at %s", app.connection_url)
