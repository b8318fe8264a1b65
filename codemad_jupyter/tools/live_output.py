"""Output of running code as it comes, for the person who waits: seldom enough, and bounded.

What is told here is a look at the work; the whole is in the tool's result.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from codemad_jupyter.notebooks.collect import output_of
from codemad_jupyter.notebooks.outputs import outputs_text
from codemad_jupyter.notebooks.terminal_text import cleaned

PAUSE = 0.2
"""Seconds between two pieces."""
PATIENCE = 5
"""Pauses that an unfinished line is held back: half a line may be half a secret."""
MOST = 20_000
"""Characters told while one tool runs."""
LARGEST = 4_000
"""Characters of one piece; a faster stream loses its middle."""
DISPLAYS = ("display_data", "execute_result", "update_display_data")


class LiveOutput:
    """Takes what a kernel publishes, and says it in pieces of text. Use on one event loop; `close` it."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._waiting = ""
        self._dropped = 0
        self._told = 0
        self._held = 0
        self._timer: asyncio.TimerHandle | None = None

    def take(self, kind: str, content: dict[str, Any]) -> None:
        """One published message; an `OnOutput`."""
        if self._told > MOST:
            return
        if kind == "stream":
            self._waiting += str(content.get("text", ""))
        elif kind in DISPLAYS:
            text = outputs_text([output_of("display_data", content)], LARGEST // 2)
            self._waiting += f"{text}\n" if text else ""
        if len(self._waiting) > 16 * LARGEST:
            over = len(self._waiting) - 2 * LARGEST
            self._dropped += over
            self._waiting = self._waiting[over:]
        if self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._tick)

    def close(self) -> None:
        """Say what is left."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tell(self._waiting)
        self._waiting = ""

    def _tick(self) -> None:
        self._timer = None
        end = self._waiting.rfind("\n") + 1
        bar = "\r" in self._waiting[end:]
        self._held = 0 if end else self._held + 1
        if bar or self._held >= PATIENCE:
            end, self._held = len(self._waiting), 0
        piece, self._waiting = self._waiting[:end], self._waiting[end:]
        self._tell(piece)
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._tick)

    def _tell(self, piece: str) -> None:
        again = "\r" if piece.startswith("\r") and not piece.startswith("\r\n") else ""
        text = again + cleaned(piece)
        over = len(text) - LARGEST
        if over > 0 or self._dropped:
            kept = text[max(over, 0) :]
            text = f"[… {max(over, 0) + self._dropped:,} characters left out …]\n{kept}"
            self._dropped = 0
        if not text or self._told > MOST:
            return
        self._told += max(len(text), 20)
        if self._told > MOST:
            text += "\n[… no more is shown while it runs …]\n"
        self._say(text)
