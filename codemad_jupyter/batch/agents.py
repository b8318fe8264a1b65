"""``codemad agents``: the worktrees in which agents work, and bringing their work in. Merging goes through
the Jupyter server that serves the folder where one runs, else through an engine in this process."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.app.agents_words import add_verbs
from codemad_jupyter.batch.subcommand import subcommand

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands


def add_agents(commands: Commands) -> None:
    """The subcommand with its words."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--root", type=Path, default=Path(), metavar="DIR", help="the folder (default: here)")
    common.add_argument("--json", action="store_true", help="print the answer as JSON")
    agents = subcommand(
        commands,
        "agents",
        "folders in which agents work apart: list, make, compare, merge and drop them",
        examples=("list", "diff clean-1", "merge clean-1"),
    )
    add_verbs(agents, common=[common])
    agents.set_defaults(perform=_agents)


def _agents(asked: argparse.Namespace) -> int:
    from codemad_jupyter.app.agents_commands import perform
    from codemad_jupyter.batch.timeline import client_of
    from codemad_jupyter.protocol.errors import UsageError

    if asked.verb is None:
        raise UsageError("What is to be done with agents?", hint="See: codemad agents --help")
    if not asked.root.is_dir():
        raise UsageError(f"{asked.root} is not a folder.", hint="Name one with --root.")
    if asked.verb == "external" and asked.what != "list":
        from codemad_jupyter.batch.external_agents import decide

        return decide(asked)
    answer = perform(asked.root, asked, client=lambda: client_of(asked.root), edge="cli")
    print(json.dumps(answer.data, indent=2) if asked.json else answer.text)
    return 0 if answer.ok else 1
