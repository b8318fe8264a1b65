"""Carries the messages of an external agent over its standard input and output, within limits; its standard
error is read and thrown away but for its end. The SDK's own transport knows no limits."""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any

from codemad_jupyter.tools.mcp_stdio import ERROR_TAIL, Fate
from codemad_jupyter.tools.sandbox.process import Confined

FRAME = 8_000_000
"""Bytes of the longest message."""
MESSAGES = 200_000
"""Messages an agent may send while it does one task."""


@dataclass
class Wire:
    """What the SDK's connection talks through."""

    process: Confined
    fate: Fate

    async def send(self, message: dict[str, Any]) -> None:
        """Say something. Raises `ConnectionError` where nobody listens any more."""
        self.process.stdin.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        await self.process.stdin.drain()

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None at the end. What is no message is the end, too."""
        try:
            while line := await self.process.stdout.readline():
                self.fate.messages += 1
                if self.fate.messages > MESSAGES:
                    self.fate.reason = f"it sent more than {MESSAGES} messages"
                    return None
                if line.strip():
                    return self._read(line)
        except ValueError:  # what `readline` raises for a line without an end
            self.fate.reason = f"it sent a message of more than {FRAME} bytes"
        return None

    def _read(self, line: bytes) -> dict[str, Any] | None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict):
            return message
        self.fate.reason = f"it said what is no message: {line[:80].decode(errors='replace')!r}"
        return None

    async def close(self) -> None:
        """Say no more."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    async def drain(self) -> None:
        """Read its standard error, which would block it when full."""
        while chunk := await self.process.stderr.read(65_536):
            self.fate.errors = (self.fate.errors + chunk)[-ERROR_TAIL:]


async def quietly(work: asyncio.Task[Any]) -> None:
    """End a task and take its end in."""
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
