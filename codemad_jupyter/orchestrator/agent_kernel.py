"""The kernel of an agent: its own, inside the sandbox, begun when something is first run in it.

It gets no key, no token and no network; it may write in the agent's folder alone, and ends with the agent.
"""

import asyncio
import os
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from codemad_jupyter.notebooks.line import KernelGone
from codemad_jupyter.notebooks.live import LiveKernel
from codemad_jupyter.notebooks.ports import OnOutput, Stopped
from codemad_jupyter.notebooks.trial import MEMORY, Method
from codemad_jupyter.protocol.edits import Trial
from codemad_jupyter.protocol.errors import KernelError
from codemad_jupyter.protocol.kernels import ExecutionResult, KernelReport
from codemad_jupyter.tools.sandbox.confinement import command_environment
from codemad_jupyter.tools.sandbox.kernels import kernel_box

PATIENCE = 60.0
"""Seconds a kernel may take to start."""


class AgentKernel:
    """A `KernelPort`. Close it in the end."""

    def __init__(self, folder: Path, *, name: str, hidden: Iterable[Path] = ()) -> None:
        self.start_seconds: float | None = None
        self._folder = folder
        self._name = name
        self._hidden = tuple(hidden)
        self._live: LiveKernel | None = None
        self._around = AsyncExitStack()
        self._starting: asyncio.Task[LiveKernel] | None = None

    async def report(self, *, names: tuple[str, ...] = (), deadline: float = 0.5) -> KernelReport:
        """See `KernelPort.report`. A kernel that has not begun has no variables."""
        if self._live is None:
            return KernelReport()
        return await self._live.report(names=names, deadline=deadline)

    async def execute(
        self, code: str, *, timeout: float | None = None, on_output: OnOutput | None = None
    ) -> ExecutionResult:
        """See `KernelPort.execute`. Raises `Denied` where no strong sandbox is to be had. After a death the
        next code begins in a fresh kernel."""
        live = await self._started()
        try:
            return await live.execute(code, timeout=timeout, on_output=on_output)
        except KernelGone:
            await self.close()
            raise

    async def try_code(
        self,
        code: str,
        *,
        before: str = "",
        timeout: float = 10.0,
        memory: int = MEMORY,
        method: Method = "auto",
    ) -> Trial:
        """See `KernelPort.try_code`."""
        live = await self._started()
        return await live.try_code(code, before=before, timeout=timeout, memory=memory, method=method)

    async def interrupt(self) -> None:
        """Interrupt whatever runs."""
        if self._live is not None:
            await self._live.interrupt()

    async def stop_code(self, *, grace: float = 2.0, kill: bool = False) -> Stopped:
        """See `KernelPort.stop_code`."""
        return "idle" if self._live is None else await self._live.stop_code(grace=grace, kill=kill)

    async def close(self) -> None:
        """End it, with all that it has started."""
        starting, self._starting, self._live = self._starting, None, None
        if starting is not None:
            await asyncio.wait([starting])
            starting.exception()  # whoever waited for it has heard of it
        around, self._around = self._around, AsyncExitStack()
        await around.aclose()

    async def _started(self) -> LiveKernel:
        """The kernel; begun once, and to the end also where who asked for it is stopped meanwhile."""
        if self._live is None:
            if self._starting is None or self._starting.done():
                self._starting = asyncio.create_task(self._start(), name="codemad agent's kernel")
            self._live = await asyncio.shield(self._starting)
        return self._live

    async def _start(self) -> LiveKernel:
        """Begin it, a second time where the first one ended at once: a place that the sandbox hides may go
        away while the sandbox is made."""
        began = time.monotonic()
        try:
            live = await self._begun()
        except KernelGone:
            live = await self._begun()
        self.start_seconds = time.monotonic() - began
        return live

    async def _begun(self) -> LiveKernel:
        from jupyter_client.kernelspec import NoSuchKernel
        from jupyter_client.manager import AsyncKernelManager

        async with AsyncExitStack() as around:
            given = command_environment(os.environ, prefix=None, network=False)
            box = await around.enter_async_context(
                kernel_box(self._folder, cwd=self._folder, environment=given, hidden=self._hidden)
            )
            manager: Any = AsyncKernelManager(kernel_name=self._name, transport_encryption="auto")
            try:
                box.wrap(manager)
            except NoSuchKernel:
                raise KernelError(
                    f"There is no kernel named {self._name}.", hint="See `jupyter kernelspec list`."
                ) from None
            around.push_async_callback(_end, manager)
            await manager.start_kernel(env=box.environment, cwd=str(self._folder))
            live = LiveKernel.from_manager(manager)
            around.callback(live.close)
            await live.wait_until_ready(timeout=PATIENCE)
            self._around = around.pop_all()
        return live


async def _end(manager: Any) -> None:
    if manager.has_kernel:
        await manager.shutdown_kernel(now=True)
