"""How tests wait: for a state, never for a time. The limit is so long that only what hangs reaches it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

LIMIT = 90.0
PAUSE = 0.02


def wait_until(condition: Callable[[], object], what: str | Callable[[], object] = "it") -> None:
    """Wait in a plain test; ``what`` says what was missed, when nothing comes."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, _missed(what)
        time.sleep(PAUSE)


async def until(condition: Callable[[], object], what: str | Callable[[], object] = "it") -> None:
    """The same in an asyncio test."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, _missed(what)
        await asyncio.sleep(PAUSE)


def _missed(what: str | Callable[[], object]) -> object:
    return f"{what} did not happen within {LIMIT:.0f} s" if isinstance(what, str) else what()


def is_alive(pid: int) -> bool:
    """Is there such a process of this person's?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def making(path: Path | str) -> str:
    """Code for a kernel that makes a file, so that a test sees how far it is."""
    return f"open({str(path)!r}, 'w').close()\n"


def awaiting(path: Path | str) -> str:
    """Code for a kernel that goes on when the test has made the file."""
    return f"while not __import__('os').path.exists({str(path)!r}): __import__('time').sleep({PAUSE})\n"
