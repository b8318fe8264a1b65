"""Owns how an index is brought up to date with its folder: what changed is read, what is gone is left out.

Works in steps that are each kept as soon as they are done, so that a run that is killed goes on where it
was. Where text may hold a secret it is masked before a word of it is taken.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from codemad_jupyter.context import manifest as listed
from codemad_jupyter.context.building import Builders, Made, Task, batches, make_segment
from codemad_jupyter.context.container import Damaged, read_arrays, strings, write_arrays
from codemad_jupyter.context.fields import Mask
from codemad_jupyter.context.ignoring import Rules
from codemad_jupyter.context.joining import join
from codemad_jupyter.context.manifest import Manifest, Part
from codemad_jupyter.context.walking import Entry, Limits, Skips, look_at, walk_files
from codemad_jupyter.protocol.indexing import IndexStep

WORTH_PROCESSES = 200
"""So many files are worth starting processes for."""
SMALL, MANY = 2_000, 8
"""Segments of fewer chunks are joined when there are so many of them."""
SMALL_AT_ONCE, MANY_AT_ONCE = 40_000, 4
"""The same after a run over the whole folder, where it costs no one a wait."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    state: IndexStep
    done: int
    total: int


@dataclass(slots=True)
class Report:
    """What a run did. ``notice`` says why an index was built anew."""

    files: int = 0
    chunks: int = 0
    read: int = 0
    removed: int = 0
    seconds: float = 0.0
    skipped: dict[str, int] = field(default_factory=dict)
    notice: str = ""


@dataclass(slots=True)
class _Known:
    """Where the index has a file, and what it was when it was read."""

    part: int
    number: int
    size: int
    mtime: int
    digest: bytes


class Indexer:
    """Brings the index in ``folder`` up to date with the files below ``root``."""

    def __init__(
        self,
        root: Path,
        folder: Path,
        *,
        mask: Callable[[], Mask] = lambda: str,
        processes: int = 1,
        limits: Limits | None = None,
        progress: Callable[[Progress], None] | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.root = root
        self.folder = folder
        inside = folder.is_relative_to(root)
        self._own = f"{folder.relative_to(root).as_posix()}/" if inside else ""
        self._mask = mask
        self._processes = processes
        self._limits = limits or Limits()
        self._progress = progress or (lambda progress: None)
        self._stopped = stopped
        self._manifest = Manifest()
        self._known: dict[str, _Known] = {}
        self._state: tuple[int, ...] = ()

    def update(self, *, wait: float = 0.0, anew: bool = False) -> Report:
        """Look at the whole folder; raises `Held` where another process is at it for longer than ``wait``."""
        began = time.monotonic()
        with listed.writing(self.folder, wait=wait):
            self._progress(Progress("looking", 0, 0))
            report = Report(notice=self._open(anew=anew))
            self._look(report)
        return self._told(report, began)

    def _look(self, report: Report) -> None:
        skips = Skips()
        found = walk_files(self.root, limits=self._limits, skips=skips)
        entries = [entry for entry in found if not self._is_own(entry.path)]
        present = {entry.path for entry in entries}
        report.removed = self._remove(path for path in list(self._known) if path not in present)
        self._read(entries, report)
        self._manifest.skipped = dict(skips.counts)
        self._manifest.complete = not self._stopped()
        self._save()
        self._tidy(SMALL_AT_ONCE, MANY_AT_ONCE)

    def change(self, paths: Iterable[str], *, wait: float = 5.0) -> Report:
        """Look at these paths alone: files that changed, came or went, and folders that went."""
        began = time.monotonic()
        paths = [path for path in dict.fromkeys(paths) if not self._is_own(path)]
        if not paths:
            return Report()
        with listed.writing(self.folder, wait=wait):
            report = Report(notice=self._open())
            if report.notice:
                self._look(report)  # what there was does not count: these paths alone are not the folder
            else:
                self._look_at(paths, report)
        return self._told(report, began)

    def _look_at(self, paths: Iterable[str], report: Report) -> None:
        rules = Rules(self.root)
        gone: list[str] = []
        entries: list[Entry] = []
        for path in paths:
            entry = look_at(self.root, path, rules=rules, limits=self._limits)
            if entry is None:
                below = f"{path}/"
                gone += [known for known in self._known if known == path or known.startswith(below)]
            else:
                entries.append(entry)
        report.removed = self._remove(gone)
        self._read(entries, report)
        self._save()
        self._tidy()

    def prepare(self) -> None:
        """Load what the first change needs, so that it need not wait for that."""
        from codemad_jupyter.context.chunking import chunk_file

        chunk_file("prepared.py", "")
        self._mask()
        with contextlib.suppress(listed.Held, Damaged, OSError), listed.writing(self.folder):
            found, _ = listed.load(self.folder)
            if found is not None:
                self._known, self._manifest = self._files(found), found
                self._state = listed.signature(self.folder)

    def _is_own(self, path: str) -> bool:
        """Whether the path belongs to the index itself: a folder of indexes may lie in the folder."""
        return bool(self._own) and f"{path}/".startswith(self._own)

    def _told(self, report: Report, began: float) -> Report:
        report.files = self._manifest.files
        report.chunks = sum(part.chunks for part in self._manifest.parts)
        report.skipped = self._manifest.skipped
        report.seconds = time.monotonic() - began
        self._progress(Progress("ready", 0, 0))
        return report

    def _open(self, *, anew: bool = False) -> str:
        """Read what there is; why it does not count, "" where it does."""
        if self._state and self._state == listed.signature(self.folder) and not anew:
            return ""  # nobody else has changed it since this indexer did
        found, why = listed.load(self.folder)
        if found is not None and not anew:
            try:
                self._known = self._files(found)
                self._manifest = found
                listed.clear(self.folder, keep=found)
                return ""
            except Damaged as error:
                why = error.message
        # The list goes first: a run killed in between leaves no list that names files that are gone.
        (self.folder / listed.NAME).unlink(missing_ok=True)
        listed.clear(self.folder)
        self._manifest, self._known = Manifest(), {}
        return f"Built again: {why}." if why else ""

    def _files(self, manifest: Manifest) -> dict[str, _Known]:
        known: dict[str, _Known] = {}
        for number, part in enumerate(manifest.parts):
            arrays = read_arrays(self.folder / part.name, checksum=part.checksum)
            dead = set(part.dead)
            sizes, times = arrays["size"].tolist(), arrays["mtime"].tolist()
            for at, path in enumerate(strings(arrays, "path")):
                if at not in dead:
                    size, mtime = manifest.touched.get(path, (sizes[at], times[at]))
                    known[path] = _Known(number, at, size, mtime, arrays["digest"][at].tobytes())
        return known

    def _remove(self, paths: Iterable[str]) -> int:
        count = 0
        for path in list(paths):
            known = self._known.pop(path)
            self._manifest.parts[known.part].dead.append(known.number)
            self._manifest.touched.pop(path, None)
            count += 1
        return count

    def _read(self, entries: list[Entry], report: Report) -> None:
        changed = [entry for entry in entries if self._changed(entry)]
        done = 0
        for task, made in self._made(changed):
            report.read += self._keep(task, made)
            done += len(task.entries)
            self._progress(Progress("reading", done, len(changed)))

    def _changed(self, entry: Entry) -> bool:
        known = self._known.get(entry.path)
        return known is None or (known.size, known.mtime) != (entry.size, entry.mtime)

    def _made(self, changed: list[Entry]) -> Iterator[tuple[Task, Made]]:
        self._progress(Progress("reading", 0, len(changed)))
        tasks = [self._task(part) for part in batches(changed)]
        if self._processes > 1 and len(changed) >= WORTH_PROCESSES:
            yield from Builders(self._processes, self._mask).make(tasks, stopped=self._stopped)
            return
        mask = self._mask()
        for task in tasks:
            if not self._stopped():
                yield task, make_segment(task, mask)

    def _task(self, entries: tuple[Entry, ...]) -> Task:
        known = {entry.path: self._known[entry.path].digest for entry in entries if entry.path in self._known}
        return Task(self.root, self.folder / self._manifest.new_name(), entries, known, self._limits)

    def _keep(self, task: Task, made: Made) -> int:
        """Put a segment on the list, and what it replaces off it; how many files it has."""
        self._remove(path for path in made.unread if path in self._known)
        self._remove(row.path for row in made.rows if row.path in self._known)
        for path, (size, mtime) in made.touched.items():
            self._manifest.touched[path] = (size, mtime)
            self._known[path].size, self._known[path].mtime = size, mtime
        if made.rows:
            number = len(self._manifest.parts)
            self._manifest.parts.append(Part(task.place.name, made.checksum, len(made.rows), made.chunks))
            for at, row in enumerate(made.rows):
                self._known[row.path] = _Known(number, at, row.size, row.mtime, row.digest)
        self._manifest.degraded += made.degraded
        self._save()
        return len(made.rows)

    def _save(self) -> None:
        listed.save(self.folder, self._manifest)
        self._state = listed.signature(self.folder)

    def _tidy(self, small: int = SMALL, many: int = MANY) -> None:
        """Join small segments when there are many, and those of which much no longer counts."""
        while chosen := self._untidy(small, many):
            self._join(chosen)

    def _untidy(self, small: int, many: int) -> list[int]:
        """Segments to be joined next: so many that no join takes more memory than the search itself."""
        parts = self._manifest.parts
        lost = sum(len(part.dead) for part in parts)
        chosen = [number for number, part in enumerate(parts) if part.chunks < small]
        if lost > 200 and lost * 3 > sum(part.files for part in parts):
            chosen = [number for number, part in enumerate(parts) if part.dead]
        elif len(chosen) < many:
            return []
        chosen.sort(key=lambda number: parts[number].chunks)
        total = 0
        for at, number in enumerate(chosen):
            total += parts[number].chunks
            if total >= SMALL_AT_ONCE:
                return chosen[: at + 1]
        return chosen

    def _join(self, chosen: list[int]) -> None:
        parts = self._manifest.parts
        self._progress(Progress("joining", 0, len(chosen)))
        name = self._manifest.new_name()
        old = [parts[number] for number in chosen]
        arrays = join(
            [(read_arrays(self.folder / part.name, checksum=part.checksum), part.dead) for part in old]
        )
        part = Part(name, write_arrays(self.folder / name, arrays), len(arrays["size"]), len(arrays["start"]))
        rest = [number for number in range(len(parts)) if number not in set(chosen)]
        self._manifest.parts = [parts[number] for number in rest]
        if part.files:
            self._manifest.parts.append(part)
        self._save()
        listed.clear(self.folder, keep=self._manifest)
        self._renumber(rest, strings(arrays, "path"))

    def _renumber(self, rest: list[int], joined: list[str]) -> None:
        """Note where files are after a join: those of the segments that stayed, and those now in the last."""
        now = {before: number for number, before in enumerate(rest)}
        for known in self._known.values():
            known.part = now.get(known.part, len(rest))
        for at, path in enumerate(joined):
            self._known[path].number = at
