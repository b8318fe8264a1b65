"""``codemad memory`` and ``codemad sessions``: through the Jupyter server that serves the folder where one
runs, else with an engine in this process."""

from __future__ import annotations

import argparse
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.subcommand import subcommand

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands


def add_memory(commands: Commands) -> None:
    """``codemad memory``."""
    from codemad_jupyter.app.memory_words import add_memory_verbs

    memory = subcommand(commands, "memory", "list, add, change, confirm and forget what is remembered")
    add_memory_verbs(memory, common=[common_options()])
    memory.set_defaults(perform=_perform, topic="memory")


def add_sessions(commands: Commands) -> None:
    """``codemad sessions``."""
    from codemad_jupyter.app.session_words import add_session_verbs

    sessions = subcommand(
        commands,
        "sessions",
        "list, search, fork, branch, compare, merge, export, share",
        examples=("list", "search prices", "export 1 --format ipynb -o talk.ipynb"),
    )
    add_session_verbs(sessions, common=[common_options()])
    sessions.set_defaults(perform=_perform, topic="sessions")


def common_options() -> argparse.ArgumentParser:
    """Options that stand after any verb."""
    common = argparse.ArgumentParser(add_help=False)
    add_common_options(common)
    return common


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """The same for a command without verbs."""
    parser.add_argument("--root", type=Path, default=Path(), metavar="DIR", help="the folder (default: here)")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def _perform(asked: argparse.Namespace) -> int:
    from codemad_jupyter.batch.timeline import client_of
    from codemad_jupyter.protocol.errors import UsageError

    if asked.verb is None:
        raise UsageError(f"What is to be done with {asked.topic}?", hint=f"See: codemad {asked.topic} --help")
    from codemad_jupyter.app import memory_commands, session_commands

    if asked.verb == "visit" and asked.follow:
        return _follow(asked)
    perform = memory_commands.perform if asked.topic == "memory" else session_commands.perform
    with client_of(asked.root) as client:
        answer = perform(client, asked, edge="cli")
    print(json.dumps(answer.data, indent=2) if asked.json else answer.text)
    return 0 if answer.ok else 1


def _follow(asked: argparse.Namespace) -> int:
    """Print a session that somebody shares, as it goes on, until Ctrl-C."""
    from codemad_jupyter.app.sharing_commands import followed
    from codemad_jupyter.batch.timeline import client_of

    with client_of(asked.root) as client, contextlib.suppress(KeyboardInterrupt):
        for shown in followed(client, asked):
            print(shown, flush=True)
    return 0
