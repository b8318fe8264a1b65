"""The guard that keeps tests on this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest


def test_other_machines_are_refused(refused: list[str]) -> None:
    with pytest.raises(PermissionError, match=r"203\.0\.113\.1"), socket.socket() as sock:
        sock.connect(("203.0.113.1", 80))
    with pytest.raises(PermissionError, match="example"):
        socket.getaddrinfo("example.invalid", 443)
    assert len(refused) == 2
    refused.clear()


def test_this_machine_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def test_programs_find_no_way_out() -> None:
    script = "import urllib.request as r; r.urlopen('http://203.0.113.1/', timeout=5)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 1
    assert "Connection refused" in answer.stderr


def test_home_is_not_a_person_s() -> None:
    assert Path.home().name.startswith("codemad-tests-")
