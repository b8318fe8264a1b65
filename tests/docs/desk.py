"""Where the blocks of one page are run: an empty home, a copy of docs/example under git, and one kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.docs.pages import CELL, Block
from tests.magics.live_kernels import Kernel, kernel
from tests.waiting import LIMIT

EXAMPLE = Path(__file__).parents[2] / "docs" / "example"


class Desk:
    """Runs blocks one after the other; files and the conversation stay from one to the next."""

    def __init__(self, folder: Path, programs: Path, **variables: str) -> None:
        self.home, self.work = folder / "home", folder / "work"
        self.home.mkdir()
        shutil.copytree(EXAMPLE, self.work)
        path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
        self.variables = {"HOME": str(self.home), "PATH": path, **variables}
        self._open = ExitStack()
        self._kernel: Kernel | None = None
        for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "Begin")):
            subprocess.run(["git", *command], cwd=self.work, check=True, timeout=LIMIT)

    def close(self) -> None:
        self._open.close()

    def write(self, block: Block) -> None:
        """Make the file that the block is the content of."""
        in_home = block.caption.startswith("~/")
        path = (self.home if in_home else self.work) / block.caption.removeprefix("~/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def run(self, block: Block) -> tuple[int, str]:
        """How it ended, and all that it showed."""
        return self._cell(block.text) if block.language == CELL else self._shell(block.text)

    def _shell(self, text: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.work,
            env={**os.environ, **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=2 * LIMIT,  # a block is several commands, and some start kernels
        )
        return done.returncode, done.stdout

    def _cell(self, text: str) -> tuple[int, str]:
        if self._kernel is None:
            self._kernel = self._open.enter_context(kernel(self.work, self.variables))
        ran = self._kernel.run(text)
        return int(ran.reply["status"] != "ok"), f"{ran.text}\n{ran.error}"
