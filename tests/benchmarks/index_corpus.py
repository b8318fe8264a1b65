"""Folders that look like real work, of any size: files made of real functions, classes and prose.

The pieces are those of the packages installed beside this one, drawn anew for every file, so that words are
as frequent as people write them. Always the same for the same numbers.
"""

from __future__ import annotations

import json
import random
import re
import sysconfig
from pathlib import Path

BLOCK = re.compile(r"^(?=(?:@|def |async def |class ))", re.MULTILINE)
PROSE = re.compile(r'"""(.{80,800}?)"""', re.DOTALL)
QUERY = re.compile(r"[A-Za-z][A-Za-z_]{3,}")
LARGEST = 6_000
SOURCES = 6_000


class Corpus:
    """Pieces of the installed packages."""

    def __init__(self, seed: int = 4) -> None:
        self.draw = random.Random(seed)
        self.heads: list[str] = []
        self.blocks: list[str] = []
        self.prose: list[str] = []
        self.names: list[str] = []
        self._gather()

    def _gather(self) -> None:
        home = Path(sysconfig.get_paths()["purelib"])
        files = sorted(path for path in home.rglob("*.py") if 500 < path.stat().st_size < 60_000)
        for path in self.draw.sample(files, min(SOURCES, len(files))):
            text = path.read_text(encoding="utf-8", errors="replace")
            head, *blocks = BLOCK.split(text)
            self.heads.append(head[:1_500])
            self.blocks += [block for block in blocks if 80 < len(block) < LARGEST]
            self.prose += [" ".join(found.split()) for found in PROSE.findall(text)]
            self.names.append(path.stem)

    def make(self, root: Path, *, files: int, chunks: int) -> None:
        """Write the folder: of 50 files 46 are Python, 3 Markdown and one a notebook."""
        size = 720 * chunks // files
        for number in range(files):
            folder = root / f"part{number % 97}" / self.draw.choice(self.names)
            folder.mkdir(parents=True, exist_ok=True)
            name = f"{self.draw.choice(self.names)}_{number}"
            if number % 50 == 7:
                (folder / f"{name}.ipynb").write_text(self._notebook(size), encoding="utf-8")
            elif number % 50 in (3, 23, 43):
                (folder / f"{name}.md").write_text(self._page(size), encoding="utf-8")
            else:
                (folder / f"{name}.py").write_text(self._module(size), encoding="utf-8")

    def _module(self, size: int) -> str:
        parts = [self.draw.choice(self.heads)]
        wanted = size * self.draw.uniform(0.3, 1.7)
        while sum(map(len, parts)) < wanted:
            parts.append(self.draw.choice(self.blocks).rstrip())
        return "\n\n\n".join(parts) + "\n"

    def _page(self, size: int) -> str:
        parts: list[str] = []
        while sum(map(len, parts)) < size:
            parts.append(f"## {self.draw.choice(self.names)}\n\n{self.draw.choice(self.prose)}")
        return "\n\n".join(parts) + "\n"

    def _notebook(self, size: int) -> str:
        cells: list[dict[str, object]] = []
        while sum(len(str(cell["source"])) for cell in cells) < size:
            said = {"cell_type": "markdown", "source": f"# {self.draw.choice(self.names)}"}
            code = {"cell_type": "code", "source": self.draw.choice(self.blocks), "outputs": []}
            for cell in (said, code):
                cells.append({"id": f"c{len(cells)}", "metadata": {}, **cell})
        return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5})

    def query(self) -> str:
        """What a person may ask: some words of a docstring, or names of the code."""
        source = self.draw.choice(self.prose if self.draw.random() < 0.6 else self.blocks)
        words = QUERY.findall(source) or ["value"]
        return " ".join(self.draw.sample(words, min(len(words), self.draw.randint(2, 9))))
