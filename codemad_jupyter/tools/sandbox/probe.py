"""Runs inside a sandbox and tries to get out; prints what was possible as JSON.

``python -I -S probe.py PLACES``; what the places are stands in `selftest`. The standard library alone.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any


def main() -> None:
    """Try everything."""
    places: dict[str, Any] = json.loads(sys.argv[1])
    tries: dict[str, Callable[[], object]] = {
        "write inside": lambda: _write(places["inside"]),
        "write outside": lambda: _write(places["outside"]),
        "remove outside": lambda: os.remove(places["victim"]),  # noqa: PTH107
        "move outside": lambda: os.rename(places["victim"], places["victim"] + "-moved"),  # noqa: PTH104
        "write protected": lambda: _write(places["protected"]),
        "read a key": lambda: _read(places["key"]),
        "read an environment": lambda: _find(f"/proc/{places['other']}/environ", places["canary"]),
        "connect": lambda: _connect(places["port"]),
        "send a datagram": lambda: _send(places["datagram"]),
        "reach a socket": lambda: _reach(places["socket"]),
        "change a mode outside": lambda: os.chmod(places["victim"], 0o640),  # noqa: PTH101
        "end another program": lambda: os.kill(places["other"], signal.SIGTERM),
    }
    print(json.dumps({name: _possible(attempt) for name, attempt in tries.items()}))  # noqa: T201


def _possible(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _write(path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write("was here")


def _read(path: str) -> None:
    with open(path, "rb") as file:  # noqa: PTH123
        if not file.read():
            raise OSError("there is nothing in it")


def _find(path: str, canary: str) -> None:
    with open(path, "rb") as file:  # noqa: PTH123
        if canary.encode() not in file.read():
            raise OSError("that is another program's")


def _connect(port: int) -> None:
    with socket.socket() as ours:
        ours.settimeout(2)
        ours.connect(("127.0.0.1", port))


def _send(port: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as ours:
        ours.settimeout(2)
        ours.connect(("127.0.0.1", port))
        ours.send(b"?")
        ours.recv(16)


def _reach(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as ours:
        ours.settimeout(2)
        ours.connect(path)


if __name__ == "__main__":
    main()
