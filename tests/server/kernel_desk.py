"""A real server with a real kernel and a scripted model, and ways to follow what happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from codemad_jupyter.orchestrator.engine import Engine
from codemad_jupyter.protocol.commands import Ack, Approve, Cancel, Command, Prompt, Target
from codemad_jupyter.protocol.events import Event
from tests.server.serving import Served, serving
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import LIMIT, until

PATH = "n.ipynb"
MODEL = "compatible/scripted"


def notebook(*sources: str) -> dict[str, Any]:
    """A notebook whose cells are called a, b, c…"""
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": "abcdefgh"[n],
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": source,
        }
        for n, source in enumerate(sources)
    ]
    kernel = {"kernelspec": {"display_name": "P", "language": "python", "name": "python3"}}
    return {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


class KernelDesk:
    """The server, its engine, one session and one kernel."""

    def __init__(self, server: Served, engine: Engine, model: ModelServer, *, root: Path) -> None:
        self.server, self.engine, self.model, self.root = server, engine, model, root
        self.session = self.kernel = ""
        self.target = Target(notebook=PATH)

    async def start(self) -> None:
        (self.root / PATH).write_text(json.dumps(notebook("x = 1"), indent=1))
        body = {"path": PATH, "type": "notebook", "name": "n", "kernel": {"name": "python3"}}
        response = await self.server.fetch("api/sessions", body=body)
        assert response.code == 201, response.body
        self.kernel = json.loads(response.body)["kernel"]["id"]
        self.session = await self.engine.current_session()

    @property
    def pid(self) -> int:
        manager: Any = self.server.app.kernel_manager.get_kernel(self.kernel)
        return int(manager.provisioner.pid)

    async def do(self, command: Command) -> Ack:
        return await self.server.host.submit(command)

    async def ask(self, *turns: Turn, **more: Any) -> Ack:
        """Send a prompt; the model plays these turns."""
        self.model.play(*turns)
        prompt = Prompt(session=self.session, text="go", target=self.target, model=MODEL, edge="test", **more)
        return await self.do(prompt)

    async def run_code(self, code: str, *, end: str = "Done.") -> Ack:
        """Have the model run code, and approve it."""
        ack = await self.ask(Turn(calls=(Call("run_code", {"code": code}),)), Turn(text=end))
        asked = await self.event("approval_asked", after=ack.seq)
        await self.do(Approve(session=self.session, approval=asked.approval))
        return ack

    async def event(self, kind: str, *, after: int, limit: float = LIMIT) -> Any:
        return (await self.until(lambda event: event.type == kind, after=after, limit=limit))[-1]

    async def finished(self, ack: Ack, *, limit: float = LIMIT) -> list[Event]:
        last: Callable[[Event], bool] = lambda e: e.type == "run_finished" and e.run == ack.run  # noqa: E731
        return await self.until(last, after=ack.seq, limit=limit)

    async def until(self, last: Callable[[Event], bool], *, after: int, limit: float = LIMIT) -> list[Event]:
        seen: list[Event] = []
        try:
            async with asyncio.timeout(limit):
                async for event in self.engine.events(self.session, after):
                    seen.append(event)
                    if last(event):
                        return seen
        except TimeoutError:
            raise AssertionError([event.type for event in seen]) from None
        raise AssertionError("the stream ended")

    async def file(self, name: str) -> Path:
        """A file that code in the kernel makes."""
        await until((self.root / name).exists, f"making {name}")
        return self.root / name

    async def stop(self, **more: Any) -> None:
        await self.do(Cancel(session=self.session, **more))

    async def port(self) -> Any:
        found = await self.server.host.ports.kernel(self.target)
        assert found is not None
        return found


@asynccontextmanager
async def kernel_desk(
    home: Path, workspace: Path, model: ModelServer, *, start: bool = True
) -> AsyncIterator[KernelDesk]:
    """The environment must name the model server before."""
    async with serving(workspace, home=home) as served:
        desk = KernelDesk(served, await served.host.engine(), model, root=workspace)
        if start:
            await desk.start()
        yield desk
