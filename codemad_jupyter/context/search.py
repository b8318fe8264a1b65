"""Lexical search over the files and notebooks of a folder, with no index to keep.

Ranks lines by how many of the query's words they hold, definitions first; words are split at
camelCase and snake_case. Reads at most `MAX_FILES` files and stops at a deadline, so that it
stays quick in any folder.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from codemad_jupyter.protocol.chunks import Chunk

MAX_FILES = 5_000
MAX_SIZE = 1_000_000
SKIPPED = frozenset(
    {".git", "node_modules", "__pycache__", ".venv", "venv", ".ipynb_checkpoints", ".mypy_cache"}
)
SECRET = re.compile(r"(^\.env($|\.)|\.(pem|key|p12|pfx|kdbx)$|^id_(rsa|dsa|ecdsa|ed25519)$)", re.IGNORECASE)
SUFFIXES = """
.py .ipynb .md .txt .r .jl .sql .js .ts .tsx .jsx .json .yaml .yml .toml .cfg .ini .csv .rst .sh .html .css
.c .h .cpp .java .go .rs
"""
TEXT = frozenset(SUFFIXES.split())
WORD = re.compile(r"[A-Za-z][a-z]+|[A-Z]+(?![a-z])|[a-z]+|\d+")
DEFINITION = re.compile(r"^\s*(?:async\s+)?(?:def|class|function)\s+(\w+)")


def words(text: str) -> set[str]:
    """The lower-case words of a text, identifiers split into their parts."""
    return {word.lower() for word in WORD.findall(text)}


def walk(root: Path, *, limit: int = 20_000) -> Iterator[str]:
    """POSIX paths of the files below the root, without the folders of tools and caches."""
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(names):
            count += 1
            if count > limit:
                return
            yield (Path(folder) / name).relative_to(root).as_posix()


def search(root: Path, query: str, *, limit: int = 20, deadline: float = 3.0) -> list[Chunk]:
    """The best lines for the query, at most ``limit`` of them; ``score`` grows with the fit."""
    wanted = words(query[:1_000])
    if not wanted:
        return []
    end = time.monotonic() + deadline
    found: list[Chunk] = []
    for count, path in enumerate(walk(root)):
        if count >= MAX_FILES or time.monotonic() > end:
            break
        if Path(path).suffix.lower() in TEXT and not SECRET.search(Path(path).name):
            found += _hits(root, path, wanted, query.strip())
    return sorted(found, key=lambda hit: (-hit.score, hit.path, hit.start_line))[:limit]


def _hits(root: Path, path: str, wanted: set[str], phrase: str) -> Iterator[Chunk]:
    for cell, text in _texts(root / path):
        for number, line in enumerate(text.splitlines(), start=1):
            score = _score(line, wanted, phrase)
            if score > 0:
                symbol = DEFINITION.match(line)
                yield Chunk(
                    path=path,
                    text=line.strip()[:300],
                    start_line=number,
                    end_line=number,
                    symbol=symbol[1] if symbol else "",
                    cell=cell,
                    score=score,
                )


def _score(line: str, wanted: set[str], phrase: str) -> float:
    shared = len(wanted & words(line[:2_000]))
    if shared * 2 < len(wanted):
        return 0.0
    score = shared / len(wanted)
    if phrase and phrase in line:
        score += 1.0
    return score + (0.5 if DEFINITION.match(line) else 0.0)


def _texts(path: Path) -> Iterator[tuple[str | None, str]]:
    try:
        if not path.is_file() or path.stat().st_size > MAX_SIZE:
            return
        text = path.read_text(encoding="utf-8", errors="strict")
    except (OSError, UnicodeDecodeError):
        return  # unreadable or binary: nothing to search
    if path.suffix != ".ipynb":
        yield None, text
        return
    try:
        cells = json.loads(text).get("cells", [])
    except (ValueError, AttributeError):
        return  # not a notebook: reading it by name says what is wrong with it
    for index, cell in enumerate(cells):
        source = cell.get("source", "")
        yield cell.get("id", f"#{index}"), source if isinstance(source, str) else "".join(source)
