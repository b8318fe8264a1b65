"""Owns how some files become a segment: read, cut, split into words, written. Also in processes of its own.

A text that was made to exhaust a parser costs one of those processes, not the one that runs the index: its
batch is then cut by lines.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from codemad_jupyter.context.container import write_arrays
from codemad_jupyter.context.fields import Mask, cut, read_fields
from codemad_jupyter.context.segment import FileRow, SegmentBuilder
from codemad_jupyter.context.walking import Entry, Limits, read_text

RACY = 2_000_000_000
"""A file written this many nanoseconds before it was read may change again without a new time."""
BATCH_FILES, BATCH_BYTES = 150, 6_000_000
MEMORY = 4_000_000_000
"""Bytes of addresses a process that reads files may take."""


@dataclass(frozen=True, slots=True)
class Task:
    """Files to read, and where their segment goes. ``plain``: cut by lines, no syntax looked at."""

    root: Path
    place: Path
    entries: tuple[Entry, ...]
    digests: Mapping[str, bytes]
    limits: Limits
    plain: bool = False


@dataclass(slots=True)
class Made:
    """A segment that was written (none where ``rows`` is empty), and the files that needed none."""

    rows: list[FileRow] = field(default_factory=list)
    checksum: int = 0
    chunks: int = 0
    touched: dict[str, tuple[int, int]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    degraded: int = 0


def batches(entries: Sequence[Entry]) -> Iterator[tuple[Entry, ...]]:
    """The entries in parts of bounded size."""
    part: list[Entry] = []
    size = 0
    for entry in entries:
        if part and (len(part) >= BATCH_FILES or size + entry.size > BATCH_BYTES):
            yield tuple(part)
            part, size = [], 0
        part.append(entry)
        size += entry.size
    if part:
        yield tuple(part)


def make_segment(task: Task, mask: Mask) -> Made:
    """Read the files and write their segment."""
    made = Made()
    builder = SegmentBuilder()
    for entry in task.entries:
        _take(task, entry, builder, made, mask)
    made.rows = builder.files
    if made.rows:
        arrays = builder.arrays()
        made.chunks = len(arrays["start"])
        made.checksum = write_arrays(task.place, arrays)
    return made


def _take(task: Task, entry: Entry, builder: SegmentBuilder, made: Made, mask: Mask) -> None:
    from codemad_jupyter.context.chunking import chunk_file
    from codemad_jupyter.context.chunking.files import by_lines

    before = time.time_ns()
    notebook = entry.path.endswith(".ipynb")
    text = read_text(task.root / entry.path, limit=task.limits.notebook if notebook else task.limits.text)
    if text is None:
        made.unread.append(entry.path)
        return
    # A time so young says nothing: it is kept as 0, and the file is read again at the next look.
    mtime = entry.mtime if entry.mtime + RACY < before else 0
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    if task.digests.get(entry.path) == digest:
        made.touched[entry.path] = (entry.size, mtime)
        return
    text = cut(entry.path, text)
    chunks = by_lines(entry.path, text) if task.plain else chunk_file(entry.path, text, uses=False)
    made.degraded += bool(chunks.degraded) or task.plain
    # Most files hold no secret: then their pieces need no second look.
    needed = notebook or mask(text) != text
    rows, texts = read_fields(chunks, mask=mask if needed else str)
    builder.add(FileRow(entry.path, entry.size, mtime, digest), rows, texts)


class Builders:
    """Makes segments in processes of its own, ``count`` at a time; ``mask`` is made anew in each."""

    def __init__(self, count: int, mask: Callable[[], Mask]) -> None:
        self._count = count
        self._mask = mask

    def make(self, tasks: Sequence[Task], *, stopped: Callable[[], bool]) -> Iterator[tuple[Task, Made]]:
        """The segments as they get done. What broke a process is made again without its syntax."""
        broken = yield from self._made(tasks, stopped)
        for task in broken:  # one at a time: which of those under way was to blame is not known
            if not stopped():
                again = yield from self._made([task], stopped)
                plain = Task(task.root, task.place, task.entries, task.digests, task.limits, plain=True)
                yield from ((plain, make_segment(plain, self._mask())) for _ in again)

    def _made(
        self, tasks: Sequence[Task], stopped: Callable[[], bool]
    ) -> Generator[tuple[Task, Made], None, list[Task]]:
        broken: list[Task] = []
        waiting = list(reversed(tasks))
        going: dict[Future[Made], Task] = {}
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self._count, context, initializer=_begin, initargs=(self._mask,)) as pool:
            while waiting or going:
                while waiting and len(going) < self._count + 1 and not stopped():
                    task = waiting.pop()
                    try:
                        going[pool.submit(_make, task)] = task
                    except BrokenProcessPool:
                        broken.append(task)
                if not going:
                    break
                done, _ = wait(going, return_when=FIRST_COMPLETED)
                for future in done:
                    task = going.pop(future)
                    try:
                        made = future.result()
                    except (BrokenProcessPool, MemoryError):
                        broken.append(task)
                    else:
                        yield task, made
        return broken


_mask: Mask = str


def _begin(mask: Callable[[], Mask]) -> None:
    global _mask
    _mask = mask()
    with suppress(ImportError, ValueError, OSError):  # not offered everywhere, or already tighter
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _make(task: Task) -> Made:
    return make_segment(task, _mask)
