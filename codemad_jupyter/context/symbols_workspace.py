"""The symbols of a folder's files, read when somebody asks and kept while the files stay as they are.

Files are read by a process of its own (`symbols_reader`), within a time limit; what it did not get to is
named, and read at the next question.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.context.chunking.grammars import GRAMMARS
from codemad_jupyter.context.chunking.languages import language_of
from codemad_jupyter.context.chunking.patterns import PATTERNS
from codemad_jupyter.context.chunking.values import FileSymbols
from codemad_jupyter.context.symbols_reader import decode
from codemad_jupyter.context.walking import Entry, walk_files
from codemad_jupyter.protocol.wording import counted

SECONDS = 15.0
MOST_FILES = 3_000
"""Files in one answer; in a larger folder those nearest to its root come first."""
READ = frozenset({*GRAMMARS, *PATTERNS, "notebook"})


@dataclass(frozen=True, slots=True)
class Symbols:
    """The symbols of some files, the paths of all that could have any, and what is missing, in words."""

    files: tuple[FileSymbols, ...]
    paths: tuple[str, ...]
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the search index says of a name: the paths of the files that hold it, and the size and time that
    each file had when it was looked at."""

    paths: frozenset[str]
    seen: Mapping[str, tuple[int, int]]

    def leaves(self, entry: Entry) -> bool:
        """Whether the name may stand in this file as it is now."""
        return entry.path in self.paths or self.seen.get(entry.path) != (entry.size, entry.mtime)


class WorkspaceSymbols:
    """The symbols of one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Entry, FileSymbols]] = {}
        self._refused: dict[str, Entry] = {}

    def read(
        self, *, holding: str = "", narrowed: Narrowed | None = None, seconds: float = SECONDS
    ) -> Symbols:
        """The symbols of the files in which a text stands; of all files where it is "". Only those that
        ``narrowed`` leaves are read."""
        with self._lock:
            entries = [entry for entry in walk_files(self.root) if language_of(entry.path) in READ]
            entries.sort(key=lambda entry: (entry.path.count("/"), entry.path))
            known = {entry.path: entry for entry in entries}
            self._kept = {path: kept for path, kept in self._kept.items() if known.get(path) == kept[0]}
            self._refused = {path: kept for path, kept in self._refused.items() if known.get(path) == kept}
            chosen = entries if holding else entries[:MOST_FILES]
            beyond = len(entries) - len(chosen)
            if narrowed is not None:
                chosen = [entry for entry in chosen if narrowed.leaves(entry)]
            done = self._kept.keys() | self._refused.keys()
            missing = [entry for entry in chosen if entry.path not in done]
            unread = self._read(missing, holding, seconds) if missing else 0
            files = tuple(self._kept[entry.path][1] for entry in chosen if entry.path in self._kept)
        notice = _notice(unread, beyond, sorted(self._refused))
        return Symbols(files, tuple(known), notice)

    def _read(self, entries: Sequence[Entry], holding: str, seconds: float) -> int:
        """Read these files; how many there was no time for."""
        request = {"root": str(self.root), "paths": [entry.path for entry in entries], "holding": holding}
        command = [sys.executable, "-m", "codemad_jupyter.context.symbols_reader"]
        late = False
        try:
            done = subprocess.run(
                command, input=json.dumps(request).encode(), capture_output=True, timeout=seconds, check=False
            )
            out = done.stdout
        except subprocess.TimeoutExpired as error:
            out, late = error.stdout or b"", True
        lines = out.split(b"\n")[:-1]
        for entry, line in zip(entries, lines, strict=False):
            _, symbols = json.loads(line)
            if symbols is not None:
                self._kept[entry.path] = (entry, decode(symbols))
        left = len(entries) - len(lines)
        if left and not late:  # it ended at this file
            self._refused[entries[len(lines)].path] = entries[len(lines)]
            return self._read(entries[len(lines) + 1 :], holding, seconds / 2) if left > 1 else 0
        return left


def _notice(unread: int, beyond: int, refused: Sequence[str]) -> str:
    said = []
    if unread:
        said.append(f"Not read in time: {counted(unread, 'file')}; ask again for a fuller answer.")
    if beyond:
        said.append(f"Left out, being deeper in the folder: {counted(beyond, 'file')}.")
    if refused:
        said.append(f"Not readable: {', '.join(refused[:5])}.")
    return " ".join(said)
