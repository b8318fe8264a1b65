"""Kernels inside the sandbox: they are reached through Unix sockets in a folder that both sides see.

A kernel without the network cannot be reached by TCP, and one behind a wrapper is interrupted by a message:
a signal would end the wrapper. Only a strong sandbox will do: under Landlock a kernel finds no loopback of
its own, which the library of its sockets insists on.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codemad_jupyter.tools.sandbox.confinement import Limits, workspace_confinement
from codemad_jupyter.tools.sandbox.process import prepare
from codemad_jupyter.tools.sandbox.state import backend


@dataclass(frozen=True)
class KernelBox:
    """What a kernel manager needs so that its kernel starts confined."""

    words: tuple[str, ...]
    environment: dict[str, str]
    meeting: Path

    def wrap(self, manager: Any) -> None:
        """Have this `jupyter_client` manager, not yet started, start its kernel confined."""
        manager.transport = "ipc"
        manager.ip = str(self.meeting / "kernel")
        manager.connection_file = str(self.meeting / "kernel.json")
        manager.kernel_spec.interrupt_mode = "message"
        manager.kernel_spec.argv = [*self.words, *manager.kernel_spec.argv]


def _folder() -> Path:
    return Path(os.path.realpath(tempfile.mkdtemp(prefix="codemad-kernel-")))


@asynccontextmanager
async def kernel_box(
    root: Path, *, cwd: Path, environment: Mapping[str, str], hidden: Iterable[Path] = ()
) -> AsyncIterator[KernelBox]:
    """A box for one kernel that may write in ``root`` alone and sees nothing of ``hidden`` folders; gone with
    the block. The variables are those given, with its own places for what is not for keeping. Raises
    `Denied` without a strong sandbox."""
    chosen = await backend("strong")
    meeting = await asyncio.to_thread(_folder)
    try:
        plain = workspace_confinement(root, environ=environment, data=hidden, limits=Limits(cpu=0))
        confinement = replace(
            plain, writable=(*plain.writable, meeting), sockets=True, environment=dict(environment)
        )
        prepared = prepare(chosen, confinement, cwd=cwd)
        try:
            yield KernelBox(prepared.words, prepared.environment, meeting)
        finally:
            shutil.rmtree(prepared.private, ignore_errors=True)
    finally:
        shutil.rmtree(meeting, ignore_errors=True)
