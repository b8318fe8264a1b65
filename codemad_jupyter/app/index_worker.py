"""The process that builds and follows the index of a folder, started as a module with its path.

It has the lowest priority and ends with its input, that is with the process that started it. On its output
it says what it does and what went wrong: an `IndexProgress` a line.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from codemad_jupyter.app.indexing import FolderIndex
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.context.indexing import Progress
from codemad_jupyter.context.manifest import Held
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.indexing import IndexProgress

Clock = Callable[[], float]

SECONDS = 1.0
"""Between two looks whether there is something to do."""
FIRST, LONGEST = 30.0, 3_600.0
"""Seconds until work that failed is tried again: at first, and at last."""
SPOKEN = 0.3
"""Seconds between two lines about the same state."""


class Work:
    """One kind of work, tried again after an ever longer wait while it fails."""

    def __init__(self, do: Callable[[], object], *, clock: Clock = time.monotonic) -> None:
        self._do = do
        self._clock = clock
        self._again = float("-inf")
        self._wait = FIRST
        self.fault = ""

    def attempt(self) -> None:
        """Do it, unless it failed a short while ago; ``fault`` says what went wrong and when it is tried."""
        if self._clock() < self._again:
            return
        try:
            self._do()
        except Held:
            return  # another process is at it; whatever is left is done when that has ended
        except (CodemadError, OSError, MemoryError) as error:
            self._again = self._clock() + self._wait
            said = str(error) or type(error).__name__
            self.fault = f"{said} It is tried again in {_told(self._wait)}."
            self._wait = min(self._wait * 2, LONGEST)
        else:
            self.fault, self._wait = "", FIRST


def _told(seconds: float) -> str:
    return f"{seconds:g} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


class Speaker:
    """Says what goes on, when it changes."""

    def __init__(self, write: Callable[[str], object], *, clock: Clock = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._lock = threading.Lock()
        self._said = IndexProgress()
        self._at = float("-inf")

    def progress(self, progress: Progress) -> None:
        """What is done right now."""
        self._say({"state": progress.state, "done": progress.done, "total": progress.total})

    def faults(self, faults: Sequence[str]) -> None:
        """What went wrong, all of it."""
        self._say({"fault": " ".join(filter(None, faults))})

    def _say(self, update: dict[str, object]) -> None:
        with self._lock:
            said = IndexProgress.model_validate({**self._said.model_dump(), **update})
            counted = said.state == self._said.state and said.fault == self._said.fault
            if said == self._said or (counted and self._clock() < self._at + SPOKEN):
                return
            self._said, self._at = said, self._clock()
            with contextlib.suppress(OSError):  # who listened is gone: the end of the input follows
                self._write(said.model_dump_json() + "\n")


def main(folder: Path) -> int:
    """Follow the folder until standard input ends."""
    with contextlib.suppress(OSError, AttributeError):  # Windows has no nice
        os.nice(15)
    speaker = Speaker(_print)
    settings = load_settings(folder, lenient=True)
    index = FolderIndex(folder, settings, progress=speaker.progress)
    threading.Thread(target=_stop_with_input, args=(index,), daemon=True).start()
    index.follow()
    works = (Work(index.catch_up), Work(index.embed_new))
    while not index.stopped:
        for work in works:
            work.attempt()
            if work.fault:
                speaker.progress(Progress("ready", 0, 0))  # it ended where it failed
        speaker.faults([work.fault for work in works])
        index.rest(SECONDS)
    index.join()
    index.close()
    return 0


def _print(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def _stop_with_input(index: FolderIndex) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    index.stop()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
