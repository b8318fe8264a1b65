"""``codemad agents external``: what needs a person at a terminal: to approve agents of others, forget and
try them."""

from __future__ import annotations

import argparse
import asyncio

from codemad_jupyter.app.external_desk import ExternalDesk, agent_text
from codemad_jupyter.batch.mcp import agrees
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.protocol.errors import UsageError


def decide(asked: argparse.Namespace) -> int:
    """Do what is no mere look; the exit code."""
    root = asked.root.resolve()
    desk = ExternalDesk(root, load_settings(root))
    if asked.name is None:
        said = f"codemad agents external {asked.what} needs the name of an agent."
        raise UsageError(said, hint="See: codemad agents external")
    if asked.what == "test":
        print(asyncio.run(desk.greet(asked.name)))
        return 0
    if asked.what == "revoke":
        print(agent_text(desk.revoke(asked.name)))
        return 0
    status = desk.status(asked.name)
    print(agent_text(status))
    if status.state != "off" and asked.digest is None and not agrees("May it be given tasks here?"):
        return 1
    print(agent_text(desk.approve(asked.name, digest=asked.digest or status.digest)))
    return 0
