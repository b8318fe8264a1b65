"""Hosts that are none: network name spaces of this machine, joined by a bridge in the first of them.

Only root may make them; `possible` says whether they can be had here. What runs in them has processes and
files in common, and a network alone of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Host:
    """A name space and its address."""

    name: str
    address: str

    def start(
        self, command: Sequence[str], *, cwd: Path, log: Path, environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """A program on it, in a process group of its own."""
        with log.open("wb") as output:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, *command],
                cwd=cwd,
                env=environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


def possible() -> bool:
    """Can there be such hosts here?"""
    if os.getuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"codemad-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    if made:
        _ip("netns", "del", name)
    return made


@contextmanager
def hosts(number: int) -> Iterator[tuple[Host, ...]]:
    """So many hosts that reach each other; they are gone afterwards."""
    found = tuple(Host(f"codemad-{os.getpid()}-{at}", f"10.77.0.{at + 1}") for at in range(number))
    with ExitStack() as around:
        for host in found:
            _ip("netns", "add", host.name)
            around.callback(_ip, "netns", "del", host.name)
            _ip("-n", host.name, "link", "set", "lo", "up")
        first = found[0]
        _ip("-n", first.name, "link", "add", "bridge", "type", "bridge")
        _up(first, "bridge")
        for at, host in enumerate(found[1:], 1):
            ends = ("type", "veth", "peer", "name", "eth", "netns", host.name)
            _ip("-n", first.name, "link", "add", f"port{at}", *ends)
            _ip("-n", first.name, "link", "set", f"port{at}", "master", "bridge", "up")
            _up(host, "eth")
        yield found


def host_of(process: int) -> str:
    """The name of the host a process runs on."""
    return _ip("netns", "identify", str(process)).strip()


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A program and all it started in its group are killed in the end."""
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """At once, as when a machine loses its power."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _up(host: Host, device: str) -> None:
    _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", device)
    _ip("-n", host.name, "link", "set", device, "up")


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True).stdout
