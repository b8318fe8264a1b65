"""``codemad relay``: passes shared sessions on between people of a JupyterHub, as a service of it."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from codemad_jupyter.batch.subcommand import add_verb, subcommand

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands

SET_UP = """\
In jupyterhub_config.py:

  c.JupyterHub.services = [{
      "name": "codemad-share", "url": "http://127.0.0.1:8091", "command": ["codemad", "relay", "serve"]}]
  c.JupyterHub.load_roles = [
      {"name": "user", "scopes": ["self", "access:services!service=codemad-share"]},
      {"name": "server", "scopes": [
          "users:activity!user", "access:servers!server", "access:services!service=codemad-share"]}]
  c.Spawner.environment = {"CODEMAD_RELAY_URL": "http://127.0.0.1:8091"}

The address must be one that people's servers reach; through the hub's proxy it is the hub's own with
/services/codemad-share behind it. Nothing is kept: what a restart forgets, people's servers tell again."""


def add_relay(commands: Commands) -> None:
    """``codemad relay``."""
    text = "let people of a JupyterHub share sessions with each other, without entering each other's servers"
    relay = subcommand(commands, "relay", text)
    relay.description = f"{relay.description}\n\n{SET_UP}"
    add_verb(relay, ("serve",))
    relay.set_defaults(perform=_relay)


def _relay(args: argparse.Namespace) -> int:
    return asyncio.run(_serve())


async def _serve() -> int:
    from codemad_jupyter.app.relay import LARGEST, application

    address = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", ""))
    host, port = address.hostname or "127.0.0.1", address.port or 8091
    server = application(os.environ).listen(port, host, max_body_size=LARGEST)
    print(f"codemad: the relay for shared sessions listens on {host}:{port}", file=sys.stderr)
    try:
        await asyncio.Event().wait()
    finally:
        server.stop()
    return 0
