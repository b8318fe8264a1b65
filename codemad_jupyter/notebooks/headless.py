"""`HeadlessNotebook`: a notebook in memory with a kernel of its own, for batch work without a server."""

import asyncio
import contextlib
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codemad_jupyter.notebooks import document
from codemad_jupyter.notebooks.cells import Notebook, cell_ids
from codemad_jupyter.notebooks.live import LiveKernel
from codemad_jupyter.notebooks.outputs import strip_ansi
from codemad_jupyter.notebooks.ports import CellWatch, OnOutput, Stopped, TableData
from codemad_jupyter.notebooks.trial import MEMORY, Method
from codemad_jupyter.protocol.edits import CellChange, Trial
from codemad_jupyter.protocol.errors import KernelError, NotFound
from codemad_jupyter.protocol.kernels import ExecutionResult, KernelReport, NotebookView

OURS = re.compile(
    r"^(?:CODEMAD_\w*(?:KEY|TOKEN|SECRET)\w*|JUPYTER_TOKEN|JPY_API_TOKEN|JUPYTERHUB_\w*TOKEN\w*|CONFIGPROXY_AUTH_TOKEN"
    r"|(?:ANTHROPIC|OPENAI|AZURE_OPENAI|AZURE_API|GEMINI|GOOGLE_API|MISTRAL|COHERE|GROQ|DEEPSEEK|OPENROUTER|TOGETHER"
    r"|TOGETHERAI|FIREWORKS|XAI|PERPLEXITY|LITELLM)\w*(?:KEY|TOKEN)\w*)$"
)


def kernel_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the keys of model providers and of Jupyter: a notebook's code reads it all."""
    return {name: value for name, value in environment.items() if not OURS.match(name)}


class HeadlessNotebook:
    """A `NotebookPort` and `KernelPort` in one. Start it, use it, stop it; or ``async with``.

    ``environment`` is given to the kernel as it is; without it, this process's own without keys.
    ``prefix`` are words that are put before the kernel's command, ``connection_file`` is where the kernel
    finds how it is reached. What goes between here and the kernel
    is encrypted where the kernel can.
    """

    def __init__(
        self,
        nb: Notebook,
        path: str,
        *,
        kernel_name: str = "",
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        cell_timeout: float | None = None,
        prefix: Sequence[str] = (),
        connection_file: Path | None = None,
    ) -> None:
        self._nb = nb
        self._path = path
        self._kernel_name = kernel_name or kernel_of(nb)
        self._folder = folder
        self._environment = environment
        self._cell_timeout = cell_timeout
        self._prefix = tuple(prefix)
        self._connection_file = connection_file
        self._client: Any = None
        self._live: LiveKernel | None = None
        self._running = ""

    async def __aenter__(self) -> "HeadlessNotebook":
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def start(self, *, timeout: float = 60.0) -> None:
        """Start the kernel. Raises `KernelError` when there is none of that name or it does not come up."""
        from jupyter_client.kernelspec import NoSuchKernel
        from nbclient import NotebookClient
        from traitlets.config import Config

        environment = kernel_environment(os.environ) if self._environment is None else self._environment
        client = NotebookClient(
            self._node(),
            kernel_name=self._kernel_name,
            timeout=self._cell_timeout,
            interrupt_on_timeout=True,
            allow_errors=True,
            startup_timeout=int(timeout),
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        )
        client.create_kernel_manager()
        self._client = client
        try:
            self._put_before(client.km)
            await client.async_start_new_kernel(
                cwd=str(self._folder) if self._folder else None, env=dict(environment)
            )
            await client.async_start_new_kernel_client()
        except asyncio.CancelledError:
            await self.stop()
            raise
        except NoSuchKernel:
            self._client = None
            raise KernelError(
                f"There is no kernel named {self._kernel_name}.",
                hint="See `jupyter kernelspec list`, or name another one.",
            ) from None
        except (RuntimeError, TimeoutError, OSError) as error:
            await self.stop()
            raise KernelError(
                f"The kernel did not start ({error}).", hint="Run `jupyter console` to see why."
            ) from error
        self._live = LiveKernel.from_manager(client.km)

    def _put_before(self, manager: Any) -> None:
        """Start the kernel's command by way of the prefix."""
        if self._connection_file is not None:
            manager.connection_file = str(self._connection_file)
        if self._prefix:
            command = list(manager.kernel_spec.argv)
            if re.fullmatch(r"python(?:3(?:\.\d+)?)?", command[0]):
                command[0] = sys.executable
            manager.kernel_spec.argv = [*self._prefix, *command]

    async def stop(self) -> None:
        """End the kernel; the document stays."""
        client, self._client = self._client, None
        if self._live is not None:
            self._live.close()
            self._live = None
        if client is not None and client.km is not None:
            with contextlib.suppress(asyncio.TimeoutError):
                async with asyncio.timeout(20):
                    await client.km.shutdown_kernel(now=True)
                    await client._async_cleanup_kernel()

    @property
    def document(self) -> Notebook:
        """The notebook as it stands now, as plain JSON."""
        return self._nb

    async def view(self, path: str) -> NotebookView:
        """See `NotebookPort.view`."""
        self._check(path)
        return document.view(self._nb, path, live=True)

    async def snapshot(self, path: str) -> Notebook:
        """See `NotebookPort.snapshot`."""
        self._check(path)
        copied: Notebook = json.loads(json.dumps(self._nb))
        return copied

    async def apply(self, path: str, changes: tuple[CellChange, ...]) -> None:
        """See `NotebookPort.apply`."""
        self._check(path)
        self._nb = document.apply(self._nb, changes)

    async def execute_cell(self, path: str, cell: str, *, watch: CellWatch | None = None) -> ExecutionResult:
        """See `NotebookPort.execute_cell`. The kernel runs one cell at a time; a busy one refuses."""
        self._check(path)
        if cell not in cell_ids(self._nb):
            raise NotFound(f"There is no cell {cell} in {path}.", hint="Read the notebook again.")
        self._check_free()
        self._running = cell
        if watch is not None:
            watch.heard("execute_input")
        try:
            return await self._execute_cell(cell)
        finally:
            self._running = ""

    async def report(self, *, names: tuple[str, ...] = (), deadline: float = 0.5) -> KernelReport:
        """See `KernelPort.report`."""
        return await self._kernel().report(names=names, deadline=deadline)

    async def export(self, name: str, *, cells: int) -> TableData:
        """See `KernelPort.export`."""
        return await self._kernel().export(name, cells=cells)

    async def execute(
        self, code: str, *, timeout: float | None = None, on_output: OnOutput | None = None
    ) -> ExecutionResult:
        """See `KernelPort.execute`. Nothing is added to the document."""
        kernel = self._kernel()
        self._check_free()
        return await kernel.execute(code, timeout=timeout, on_output=on_output)

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
        return await self._kernel().try_code(
            code, before=before, timeout=timeout, memory=memory, method=method
        )

    async def interrupt(self) -> None:
        """Interrupt whatever runs."""
        await self._kernel().interrupt()

    async def stop_code(self, *, grace: float = 2.0, kill: bool = False) -> Stopped:
        """See `KernelPort.stop_code`."""
        return await self._kernel().stop_code(grace=grace, kill=kill)

    async def _execute_cell(self, cell: str) -> ExecutionResult:
        from nbclient.exceptions import CellTimeoutError, DeadKernelError

        self._kernel()
        node = self._node()
        at = cell_ids(self._nb).index(cell)
        begin = asyncio.get_running_loop().time()
        self._client.nb = node
        try:
            ran = await self._client.async_execute_cell(node.cells[at], at)
        except asyncio.CancelledError:
            await self.interrupt()
            raise
        except DeadKernelError:
            raise KernelError("The kernel died while the cell ran.", hint="Start it again.") from None
        except CellTimeoutError as error:
            raise KernelError(
                "The cell ran too long and ignores the interrupt.", hint="Restart the kernel."
            ) from error
        if ran.cell_type == "code":
            self._keep(cell, json.loads(json.dumps(ran)))
        return result_of(ran, asyncio.get_running_loop().time() - begin)

    def _keep(self, cell: str, ran: dict[str, Any]) -> None:
        """Put the outputs into the document as it is now; it may have changed while the cell ran."""
        ids = cell_ids(self._nb)
        if cell in ids:
            now = self._nb["cells"][ids.index(cell)]
            results = {name: ran[name] for name in ("outputs", "execution_count")}
            content = {**now, **results, "metadata": {**now["metadata"], **ran["metadata"]}}
            self._nb = document.apply(self._nb, (CellChange(op="put", cell=cell, content=content),))

    def _node(self) -> Any:
        import nbformat

        node: Any = nbformat.from_dict(json.loads(json.dumps(self._nb)))  # type: ignore[no-untyped-call]
        for cell in node.cells:
            if not isinstance(cell.source, str):
                cell.source = "".join(cell.source)
        return node

    def _kernel(self) -> LiveKernel:
        if self._live is None:
            raise KernelError(f"The kernel of {self._path} is not running.", hint="Start the notebook first.")
        return self._live

    def _check_free(self) -> None:
        """A cell that waits for the engine holds the kernel: waiting for it in turn would never end."""
        if self._running:
            raise KernelError(
                f"The kernel is busy with cell {self._running}.", hint="Run this after that cell has ended."
            )

    def _check(self, path: str) -> None:
        if path != self._path:
            raise NotFound(f"{path} is not open here, {self._path} is.", hint="Name that notebook.")


def kernel_of(nb: Notebook) -> str:
    """The kernel the notebook asks for."""
    name = nb.get("metadata", {}).get("kernelspec", {}).get("name")
    return name if isinstance(name, str) and name else "python3"


def result_of(ran: Any, seconds: float) -> ExecutionResult:
    """What the cell's outputs say about its run."""
    outputs = tuple(json.loads(json.dumps(ran.get("outputs", []))))
    error = next((output for output in outputs if output["output_type"] == "error"), None)
    return ExecutionResult(
        ok=error is None,
        error_name=error["ename"] if error else "",
        error_message=strip_ansi(error["evalue"]) if error else "",
        traceback=strip_ansi("\n".join(error["traceback"])) if error else "",
        outputs=outputs,
        execution_count=ran.get("execution_count"),
        seconds=round(seconds, 3),
    )
