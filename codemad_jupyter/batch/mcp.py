"""``codemad mcp``: the servers of others, and CodeMAD as a server for others."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.subcommand import add_verb, subcommand

if TYPE_CHECKING:
    from codemad_jupyter.app.mcp_desk import Desk
    from codemad_jupyter.batch.subcommand import Commands

VERBS = ("list", "approve", "revoke", "test", "serve")


def add_mcp(commands: Commands) -> None:
    """``codemad mcp``."""
    text = (
        "list, approve and try servers of the Model Context Protocol, or be one over standard input and"
        " output (serve)"
    )
    mcp = subcommand(commands, "mcp", text)
    add_verb(mcp, VERBS)
    mcp.add_argument("name", nargs="?", metavar="NAME", help="the server; for serve: nothing")
    mcp.add_argument(
        "--digest",
        metavar="SHA256",
        help="approve without a question exactly the definition that list --json shows",
    )
    mcp.add_argument("--notebook", type=Path, metavar="FILE", help="serve: the notebook it is about")
    mcp.add_argument(
        "--kernel-file",
        type=Path,
        metavar="FILE",
        help="serve: connection file of a running kernel to look into",
    )
    mcp.add_argument("--json", action="store_true", help="print it as JSON")
    mcp.set_defaults(perform=_mcp)


def _mcp(args: argparse.Namespace) -> int:
    from codemad_jupyter.protocol.errors import UsageError

    if args.verb == "serve" and args.name is None:
        from codemad_jupyter.batch.mcp_serving import serve

        return serve(args.notebook, args.kernel_file)
    if args.name is not None and args.verb in ("list", "serve"):
        raise UsageError(f"codemad mcp {args.verb} takes no NAME.", hint="See: codemad mcp --help")
    desk = _desk()
    if args.verb == "list":
        return _list(desk, json_=args.json)
    if args.name is None:
        raise UsageError(f"codemad mcp {args.verb} needs the name of a server.", hint="See: codemad mcp list")
    if args.verb == "revoke":
        return _said(desk, args.name, revoked=True)
    if args.verb == "test":
        return asyncio.run(_test(desk, args.name))
    return asyncio.run(_approve(desk, args.name, digest=args.digest))


def _desk() -> Desk:
    from codemad_jupyter.app.mcp_desk import Desk
    from codemad_jupyter.config.settings import load_settings

    return Desk(Path.cwd(), load_settings(Path.cwd()))


def _list(desk: Desk, *, json_: bool) -> int:
    from codemad_jupyter.app.mcp_desk import status_text

    servers = desk.servers()
    if json_:
        print(json.dumps([each.model_dump() for each in servers], indent=2))
    else:
        none = "No MCP servers are defined here, or the folder that defines them is not trusted."
        print("\n".join(map(status_text, servers)) or none)
    return 0


def _said(desk: Desk, name: str, *, revoked: bool = False) -> int:
    from codemad_jupyter.app.mcp_desk import status_text

    print(status_text(desk.revoke(name) if revoked else desk.status(name)))
    return 0


async def _test(desk: Desk, name: str) -> int:
    """Start an approved server and say what it offers, and what of it has changed."""
    from codemad_jupyter.app.mcp_desk import changes_text
    from codemad_jupyter.protocol.errors import Denied

    status = desk.status(name)
    if status.state != "approved":
        said = f"The MCP server {name} is not approved as it is defined now, so it was not started."
        raise Denied(said, hint=f"Look at it and approve it: codemad mcp approve {name}")
    offer = await desk.offer(name, digest=status.digest)
    before = desk.approved_tools(name)
    print(changes_text(before, offer.tools))
    for kind, found in (("prompt", offer.prompts), ("resource", offer.resources)):
        for each, line in found.items():
            print(f"  {kind} {each}: {line}")
    return 0 if before == offer.tools else 1


async def _approve(desk: Desk, name: str, *, digest: str | None) -> int:
    """Show what would be started, start it once the person agrees, show its tools, and keep both."""
    from codemad_jupyter.app.mcp_desk import changes_text, status_text

    status = desk.status(name)
    print(status_text(status))
    if status.state != "off" and digest is None and not agrees("Start it, to see what it offers?"):
        return 1
    offer = await desk.offer(name, digest=digest or status.digest)
    print(changes_text(desk.approved_tools(name), offer.tools))
    if digest is None and not agrees("May agents call these tools, each call asked about?"):
        return 1
    print(status_text(desk.approve(name, digest=digest or status.digest, tools=offer.tools)))
    return 0


def agrees(question: str) -> bool:
    """Ask on the terminal. Raises `UsageError` where none is: what is piped in is no person."""
    from codemad_jupyter.protocol.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(
            "This needs a person at a terminal.",
            hint="Or approve exactly one definition with --digest (codemad mcp list --json shows it).",
        )
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
