"""The process that builds and follows the index of a folder, started as a module with its path.

It has the lowest priority and ends with its input, that is with the process that started it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path

from codemad_jupyter.app.indexing import FolderIndex
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.context.manifest import Held
from codemad_jupyter.protocol.errors import ModelError

SECONDS = 1.0
"""Between two looks whether chunks lack vectors."""


def main(folder: Path) -> int:
    """Follow the folder until standard input ends."""
    with contextlib.suppress(OSError, AttributeError):  # Windows has no nice
        os.nice(15)
    index = FolderIndex(folder, load_settings(folder, lenient=True))
    threading.Thread(target=_stop_with_input, args=(index,), daemon=True).start()
    index.follow()
    with contextlib.suppress(Held):  # who holds it builds it; this process follows what comes after
        index.update(wait=60)
    while not index.stopped:
        with contextlib.suppress(Held, ModelError):
            index.embed(wait=0)
        index.rest(SECONDS)
    index.join()
    return 0


def _stop_with_input(index: FolderIndex) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    index.stop()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
