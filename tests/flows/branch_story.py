"""A folder, an engine, and a conversation with branches, for tests that tell what becomes of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from codemad_jupyter.app.build import build_engine
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.orchestrator.engine import Engine
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.edits import Edit, FileTarget, make_hunks
from codemad_jupyter.protocol.events import (
    BranchChanged,
    EditProposed,
    Event,
    MessageDone,
    RunFinished,
    RunStarted,
)
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.sessions import SessionTree
from codemad_jupyter.tools.proposals import new_id
from tests.flows.conftest import DeskPorts


class Story:
    """A folder, an engine, and turns as a model would have taken them."""

    def __init__(self, root: Path, engine: Engine, session: str) -> None:
        self.root, self.engine, self.session = root, engine, session

    async def turn(self, ask: str, answer: str = "", *, path: str = "", content: str = "") -> str:
        """A run that answers, and whose one edit of a file is accepted; its id."""
        session = (await self.engine._activated(self.session)).session
        run = new_id("run")
        session.bus.emit(RunStarted(prompt=ask, model="m/n", edge="test", target=Target()), run=run)
        await session.append(Message.user(ask), run=run)
        said = Message.assistant(answer or f"Answer to {ask}")
        await session.append(said, run=run)
        session.bus.emit(MessageDone(id=new_id("message"), message=said, model="m/n"), run=run)
        if path:
            edit = self.edit(path, content)
            session.bus.emit(EditProposed(edit=edit), run=run)
            await self.engine.submit(cmd.AcceptEdit(session=self.session, edit=edit.id))
        session.bus.emit(RunFinished(status="done", text="Done."), run=run)
        await session.bus.saved()
        return run

    def edit(self, path: str, content: str) -> Edit:
        file = self.root / path
        before = file.read_text() if file.exists() else ""
        target = FileTarget(path=path, exists=file.exists())
        hunks = make_hunks(before, content)
        return Edit(id=new_id("edit"), target=target, title="t", before=before, after=content, hunks=hunks)

    async def do(self, command: cmd.Command) -> list[Event]:
        ack = await self.engine.submit(command)
        return list(await self.engine.stored(self.session, after=ack.seq))

    async def branch(self, **given: Any) -> BranchChanged:
        events = await self.do(cmd.MakeBranch(session=self.session, **given))
        return next(event for event in events if isinstance(event, BranchChanged))

    async def switch(self, branch: str, *, restore: bool = False) -> BranchChanged:
        events = await self.do(cmd.SwitchBranch(session=self.session, branch=branch, restore=restore))
        return next(event for event in events if isinstance(event, BranchChanged))

    async def tree(self) -> SessionTree:
        return await self.engine.session_tree(self.session)

    async def words(self) -> list[str]:
        """What the conversation holds where it stands."""
        session = (await self.engine._activated(self.session)).session
        return [message.text for message in session.messages if message.role == "user"]

    def files(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted(self.root.glob("*.py"))}


@asynccontextmanager
async def telling(folder: Path) -> AsyncIterator[Story]:
    """A story in a fresh folder."""
    (folder / "work").mkdir()
    engine = await engine_on(folder)
    told = Story(folder / "work", engine, await engine.current_session())
    yield told
    await told.engine.close()


async def engine_on(folder: Path) -> Engine:
    root = folder / "work"
    loaded = load_settings(root, arguments={"data_dir": folder / "data", "trial": False})
    return await build_engine(root, ports=DeskPorts(root, None), settings=loaded)
