"""The last lines of a terminal, drawn again as things go on; what is said stands above them. Where standard
error is no terminal nothing is drawn, and what is said are plain lines."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TextIO

from codemad_jupyter.app.plain_text import plain_text

WIDTH = 24
"""Of a bar, in characters."""


def bar(done: int, most: int) -> str:
    """How far it is: ``[######------]``, without a character that a plain terminal lacks."""
    full = WIDTH * done // most if most else WIDTH
    return f"[{'#' * full}{'-' * (WIDTH - full)}]"


def _cut(line: str, width: int) -> str:
    """One line, its columns kept: `one_line` would close them up."""
    flat = " ".join(plain_text(line).expandtabs().splitlines())
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"


class LiveLines:
    """``live``: is there a terminal to draw on?"""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self.live = self._stream.isatty()
        self._drawn: list[str] = []

    def say(self, text: str) -> None:
        """A line that stays."""
        drawn = self._drawn
        self._write(f"{self._erasing()}{plain_text(text)}\n")
        self._drawn = []
        self.draw(drawn)

    def draw(self, lines: Sequence[str]) -> None:
        """These instead of what was drawn: as many as there is room for, the last always."""
        if not self.live:
            return
        size = shutil.get_terminal_size()
        shown = [_cut(line, max(size.columns - 1, 20)) for line in lines[-max(size.lines - 2, 1) :]]
        if shown != self._drawn:
            self._write(self._erasing() + "".join(f"{line}\n" for line in shown))
            self._drawn = shown

    def close(self) -> None:
        """Leave nothing that was drawn."""
        self._write(self._erasing())
        self._drawn = []

    def _erasing(self) -> str:
        return f"\x1b[{len(self._drawn)}F\x1b[J" if self._drawn else ""

    def _write(self, text: str) -> None:
        if text:
            encoding = self._stream.encoding or "utf-8"
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()
