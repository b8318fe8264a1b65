"""``codemad gateway``: the model gateway of a JupyterHub, started by the hub as one of its services."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from codemad_jupyter.batch.subcommand import add_verb, subcommand

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands

FILE = """\
The file holds: upstream = "https://…/v1" (a server that speaks OpenAI's interface), key_variable (the name of
the variable with its key), models = [...], [prices] with model = [in, out] in dollars per million tokens,
[quota] and [groups.NAME] with calls, tokens, cost, days; usage and audit (files), at_once, seconds."""


def add_gateway(commands: Commands) -> None:
    """``codemad gateway``."""
    text = "let people of a JupyterHub ask models without a key of their own, each within a quota"
    gateway = subcommand(commands, "gateway", text)
    gateway.description = f"{gateway.description}\n\n{FILE}"
    add_verb(gateway, ("serve",))
    gateway.add_argument("--config", type=Path, required=True, metavar="FILE", help="what it serves (TOML)")
    gateway.set_defaults(perform=_gateway)


def _gateway(args: argparse.Namespace) -> int:
    return asyncio.run(_serve(args.config))


async def _serve(path: Path) -> int:
    from codemad_jupyter.app.model_gateway import application, read_gateway
    from codemad_jupyter.app.quotas import LARGEST

    address = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", ""))
    app = application(read_gateway(path), environ=os.environ)
    host, port = address.hostname or "127.0.0.1", address.port or 8090
    server = app.listen(port, host, max_body_size=LARGEST)
    print(f"codemad: the model gateway listens on {host}:{port}", file=sys.stderr)
    try:
        await asyncio.Event().wait()
    finally:
        server.stop()
        app.settings["desk"].book.close()
    return 0
