"""Real kernels for the tests of this room: one process per module."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

from codemad_jupyter.notebooks.live import LiveKernel


def start_kernel() -> KernelManager:
    """A stock Python kernel, its console output thrown away, its sockets in a folder of its own."""
    sockets = tempfile.mkdtemp(prefix="ipc")
    manager = KernelManager(kernel_name="python3", transport="ipc", ip=f"{sockets}/k")
    environment = {**os.environ, "CANARY_API_KEY": "canary-0123456789", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    manager.start_kernel(env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
    except RuntimeError:
        stop_kernel(manager)
        raise
    finally:
        client.stop_channels()
    return manager


def stop_kernel(manager: KernelManager) -> None:
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()
    shutil.rmtree(os.path.dirname(manager.ip), ignore_errors=True)  # noqa: PTH120


@pytest.fixture(scope="module")
def manager() -> Iterator[KernelManager]:
    started = start_kernel()
    yield started
    stop_kernel(started)


@pytest.fixture
def own_manager() -> Iterator[KernelManager]:
    """A kernel of the test's own, to be killed."""
    started = start_kernel()
    yield started
    stop_kernel(started)


@pytest.fixture
def client(manager: KernelManager) -> Iterator[BlockingKernelClient]:
    """A front end of the module's kernel."""
    made = manager.blocking_client()
    made.start_channels()
    made.wait_for_ready(timeout=60)
    yield made
    made.stop_channels()


@pytest.fixture
async def kernel(manager: KernelManager) -> AsyncIterator[LiveKernel]:
    live = LiveKernel(manager.get_connection_info())
    yield live
    live.close()


@pytest.fixture
async def clean(kernel: LiveKernel) -> LiveKernel:
    """The module's kernel with an empty namespace."""
    result = await kernel.execute("%reset -f", timeout=20)
    assert result.ok
    return kernel


@pytest.fixture
async def own_kernel(own_manager: KernelManager) -> AsyncIterator[LiveKernel]:
    live = LiveKernel(own_manager.get_connection_info())
    yield live
    live.close()


def process_of(manager: KernelManager) -> int:
    """The kernel's process id."""
    provisioner: Any = manager.provisioner
    return int(provisioner.pid)
