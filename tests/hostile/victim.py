"""The process that is killed: an engine on a folder that looks at what its predecessor left, then works
until it is killed in its turn.

Run as a program it stays warm and forks a victim for each line of its standard input, so that a kill costs no
imports. A victim says what it does, a JSON value a line; what it has said with ``kept`` must be there for
every victim after it.
"""

import asyncio
import ctypes
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from codemad_jupyter.app.build import build_engine
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.git.checkpoints import Checkpoints
from codemad_jupyter.git.worktrees import Worktrees
from codemad_jupyter.notebooks.confined import NEVER_OUTLIVE
from codemad_jupyter.orchestrator.engine import Engine
from codemad_jupyter.protocol.commands import Command, MakeCheckpoint, Prompt, Target, Undo
from codemad_jupyter.protocol.errors import CodemadError
from tests.flows.conftest import DeskPorts

MODEL = "compatible/scripted"
TARGET = Target(notebook="n.ipynb", cell="load")


def say(**value: Any) -> None:
    os.write(1, (json.dumps(value) + "\n").encode())


async def live(root: Path) -> None:
    """One life: the start, the look, work without end."""
    say(doing="starting")
    engine = await build_engine(root, ports=DeskPorts(root, None), settings=load_settings(root))
    session = await engine.current_session()
    trees = Worktrees(root, engine.services.data, Checkpoints(root, engine.services.data))
    say(found=await found(engine, session, trees))
    number = 0
    while True:
        number += 1
        name = f"{os.getpid()}-{number}"
        await worked(engine, session, Prompt(session=session, text=f"task {name}", model=MODEL, edge="test",
                                             target=TARGET), said=f"task {name}")  # fmt: skip
        await worked(engine, session, MakeCheckpoint(session=session, target=TARGET))
        say(doing="making a worktree")
        made = await trees.make(f"agent-{name}")
        say(doing="removing a worktree")
        await trees.remove(made)
        if number % 2:
            await worked(engine, session, Undo(session=session))


async def worked(engine: Engine, session: str, command: Command, *, said: str = "") -> None:
    """Give a command and tell how far it is, to its end; then what is stored has to stay."""
    say(doing=f"taking {command.type}")
    try:
        ack = await engine.submit(command)
    except CodemadError as error:
        say(refused=str(error), command=command.type)
        return
    if said:
        say(kept=said)
    if isinstance(command, Prompt):
        async for event in engine.events(session, ack.seq):
            say(doing=event.type)
            if event.type == "run_finished" and event.run == ack.run:
                break
    say(stored=await engine.services.store.last_seq(session))


async def found(engine: Engine, session: str, trees: Worktrees) -> dict[str, Any]:
    """What the predecessor left, as the engine sees it."""
    store = engine.services.store
    events = await store.events(session)
    begun = {event.run for event in events if event.type == "run_started"}
    ended = {event.run for event in events if event.type == "run_finished"}
    path = await store.entries(session, await store.head(session))
    standing = [(await trees.look(each)).trouble for each in await trees.every()]
    for each in await trees.every():
        await trees.remove(each)
    folder = engine.services.data / "agents"
    return {
        "session": session,
        "notices": list(store.notices),
        "place": str(getattr(store, "path", "")),
        "numbers": [event.seq for event in events] == sorted({event.seq for event in events}),
        "last": events[-1].seq if events else 0,
        "prompts": [event.prompt for event in events if event.type == "run_started"],
        "open runs": len(begun - ended),
        "entries": len(path),
        "worktree trouble": [each for each in standing if each],
        "worktrees found": len(standing),
        "worktrees left": [each.name for each in folder.iterdir()] if folder.is_dir() else [],
    }


def main() -> None:
    """Fork a victim for each line."""
    for name in ("openai", "duckdb", "nbformat"):
        importlib.import_module(name)
    root = Path(sys.argv[1])
    while sys.stdin.readline():
        child = os.fork()
        if not child:
            ctypes.CDLL(None).prctl(NEVER_OUTLIVE, 9, 0, 0, 0)
            asyncio.run(live(root))
            os._exit(0)
        say(child=child)
        os.waitpid(child, 0)
        say(gone=child)


if __name__ == "__main__":
    main()
