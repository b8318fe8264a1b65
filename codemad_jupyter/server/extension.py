"""The server extension's two moments: loading, and the first turn of the server's loop.

Registers the routes and hands kernels their address and secret. Builds nothing: the engine
comes to life at its first use (``host``).
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jupyter_server.utils import url_path_join

from codemad_jupyter.server import (
    agents,
    completion,
    configuring,
    health,
    kernel_link,
    mcp,
    queries,
    rest,
    sharing,
    storage,
    stream,
)
from codemad_jupyter.server.host import EngineHost

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

SETTING = "codemad_host"
"""Where the web application's settings keep the host."""
URL_VARIABLE = "CODEMAD_JUPYTER_URL"
TOKEN_VARIABLE = "CODEMAD_KERNEL_TOKEN"  # noqa: S105 - a name, not a secret
PASSPHRASE_VARIABLE = "CODEMAD_PASSPHRASE"  # noqa: S105 - a name, too
CERTIFICATE_VARIABLE = "CODEMAD_JUPYTER_CERT"
WILDCARDS = {"", "0.0.0.0", "::", "*"}  # noqa: S104 - compared with, never bound to


def routes(base_url: str, *, host: EngineHost) -> list[tuple[Any, ...]]:
    """All routes, under the server's base URL."""
    session = r"(?P<session>[A-Za-z0-9_-]{1,100})"
    table: list[tuple[str, type[Any]]] = [
        ("sessions", rest.SessionsHandler),
        (rf"sessions/{session}/events", rest.EventsHandler),
        ("commands", rest.CommandsHandler),
        ("models", rest.ModelsHandler),
        ("merge", rest.MergeHandler),
        ("preview", rest.PreviewHandler),
        ("mentions", rest.MentionsHandler),
        ("sql", rest.SqlHandler),
        ("complete", completion.CompletionHandler),
        ("status", rest.StatusHandler),
        ("health", health.HealthHandler),
        ("trust", configuring.TrustHandler),
        ("settings", configuring.SettingsHandler),
        ("keys", configuring.KeysHandler),
        (rf"keys/{configuring.PROVIDER}", configuring.KeyHandler),
        (rf"keys/{configuring.PROVIDER}/test", configuring.KeyTestHandler),
        ("agents", agents.AgentsHandler),
        (rf"agents/{agents.NAME}", agents.AgentHandler),
        ("storage/backup", storage.BackupHandler),
        ("storage/restore", storage.RestoreHandler),
        ("shared/events", sharing.VisitHandler),
        ("shared/words", sharing.WordsHandler),
        ("stream", stream.StreamHandler),
        ("mcp", mcp.McpHandler),
        ("kernel/commands", kernel_link.CommandsHandler),
        ("kernel/events", kernel_link.EventsHandler),
        ("kernel/session", kernel_link.SessionHandler),
        ("kernel/preview", kernel_link.PreviewHandler),
        ("kernel/sql", kernel_link.SqlHandler),
        ("kernel/mentions", kernel_link.MentionsHandler),
        ("kernel/merge", kernel_link.MergeHandler),
        ("kernel/shared/events", kernel_link.VisitHandler),
        ("kernel/models", kernel_link.ModelsHandler),
    ]
    plain = [(url_path_join(base_url, "codemad", path), handler, {"host": host}) for path, handler in table]
    return [*plain, *_query_routes(base_url, host)]


def _query_routes(base_url: str, host: EngineHost) -> list[tuple[Any, ...]]:
    doors = (("codemad", queries.QueryHandler), ("codemad/kernel", queries.KernelQueryHandler))
    return [
        (url_path_join(base_url, door, path), handler, {"host": host, "work": path})
        for door, handler in doors
        for path in queries.WORK
    ]


def load(app: ServerApp) -> None:
    """Register the routes."""
    host = EngineHost(app, token=secrets.token_urlsafe(32))
    app.web_app.settings[SETTING] = host
    table = routes(app.web_app.settings["base_url"], host=host)
    app.web_app.add_handlers(".*$", table)  # type: ignore[no-untyped-call]
    _close_with_server(app, host)
    app.log.info("CodeMAD is loaded; its engine starts when it is first asked")


async def start(app: ServerApp) -> None:
    """Give the kernels to come the address, final by now, and the secret of their few routes."""
    if PASSPHRASE_VARIABLE in os.environ:  # kernels are started with our environment
        from codemad_jupyter.config.encrypted_file import take_passphrase

        take_passphrase(os.environ)
    _tell_kernels(app)
    await app.web_app.settings[SETTING].sharing.begin()


def _tell_kernels(app: ServerApp) -> None:
    host: EngineHost = app.web_app.settings[SETTING]
    os.environ[URL_VARIABLE] = kernel_url(app)
    os.environ[TOKEN_VARIABLE] = host.token
    if app.certfile:
        os.environ[CERTIFICATE_VARIABLE] = os.path.realpath(app.certfile)


def kernel_url(app: ServerApp) -> str:
    """Where a kernel on this machine reaches the server. A server on all addresses is asked on loopback:
    its host name may not resolve in a container."""
    parts = urlsplit(app.connection_url)
    if app.sock or app.ip not in WILDCARDS:
        return app.connection_url
    return parts._replace(netloc=f"127.0.0.1:{app.port}").geturl()


def _close_with_server(app: ServerApp, host: EngineHost) -> None:
    """Plain extensions get no stop call from Jupyter Server, so ours joins the server's own cleanup."""
    cleanup = app.cleanup_extensions

    async def close_engine_first() -> None:
        try:
            await host.close()
        finally:
            await cleanup()

    app.cleanup_extensions = close_engine_first  # type: ignore[method-assign]
