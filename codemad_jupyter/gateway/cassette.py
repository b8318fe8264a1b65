"""The file of a cassette: JSON lines, a header and then one line for each model call.

::

    {"cassette": 1, "default": "anthropic/claude-…"}
    {"key": "…", "take": 1, "model": "…", "request": {…digests…}, "values": {…}, "answer": [ … ]}

Owns reading and writing. A line is written at once and never changed, so a process that is killed loses
the call under way at most; several processes may write to one file. Recording the same request again makes
a new take, and the newest take counts. What is in a line's ``values`` is not told again in that take.
"""

import json
import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from codemad_jupyter.gateway.normal import Sketch
from codemad_jupyter.protocol.errors import CodemadError, NotFound, UsageError

try:
    import fcntl
except ImportError:  # Windows: a line is still written by one call
    fcntl = None  # type: ignore[assignment]

VERSION = 1
SUFFIX = ".cassette.jsonl"
_HEAD = re.compile(rb'\{"key": "([0-9a-f]{32})", "take": (\d{1,9}), "model": ("(?:[^"\\]|\\.)*")')
_LONGEST = 256 * 1024 * 1024
"""Bytes of a line; a longer one is not read."""


@dataclass(frozen=True)
class Place:
    """Where a call stands in the file."""

    line: int
    offset: int
    length: int
    take: int


@dataclass(frozen=True)
class Recorded:
    """A call as it was recorded: ``answer`` are the deltas, with tokens."""

    line: int
    key: str
    take: int
    model: str
    sketch: Sketch
    answer: list[dict[str, Any]]


class Cassette:
    """One file, read as far as needed: its lines are indexed, a call is parsed when it is asked for.

    Every method may block for a moment and can be called from any thread.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged: list[int] = []
        self._lock = threading.RLock()
        self._forget()

    def _forget(self) -> None:
        self.damaged.clear()
        self.header: dict[str, Any] = {}
        self._places: dict[str, list[Place]] = {}
        self._models: dict[str, None] = {}
        self._offset = self._lines = self._take = self._own = 0
        self._inode = -1
        self._told: set[str] = set()

    @property
    def models(self) -> tuple[str, ...]:
        """The models that answered here, in their order."""
        with self._lock:
            self._catch_up()
            return tuple(self._models)

    @property
    def default(self) -> str | None:
        """The model that was the default when this was recorded."""
        with self._lock:
            self._catch_up()
            found = self.header.get("default")
            return found if isinstance(found, str) and found else None

    def __len__(self) -> int:
        with self._lock:
            self._catch_up()
            return sum(map(len, self._places.values()))

    def found(self, key: str) -> tuple[Place, ...]:
        """The calls of the newest take with this key, in their order."""
        with self._lock:
            self._catch_up()
            places = self._places.get(key, [])
            newest = max((place.take for place in places), default=0)
            return tuple(place for place in places if place.take == newest)

    def read(self, place: Place) -> Recorded | None:
        """The call; None where the line is damaged."""
        with self._lock, self._open() as file:
            return self._parsed(file, place)

    def records(self) -> Iterator[Recorded]:
        """Every call that can be read, in the order of the file."""
        with self._lock:
            self._catch_up()
            places = sorted((p for each in self._places.values() for p in each), key=lambda p: p.offset)
        with self._open() as file:
            for place in places:
                found = self._parsed(file, place)
                if found is not None:
                    yield found

    def append(self, sketch: Sketch, answer: list[dict[str, Any]], *, default: str = "") -> None:
        """Add a call. Raises `CodemadError` when the file cannot be written."""
        with self._lock:
            try:
                self._append(sketch, answer, default)
            except OSError as error:
                said = f"The cassette {self.path} cannot be written: {error.strerror}."
                raise CodemadError(said, hint="Choose a file in a folder you may write to.") from error

    def _append(self, sketch: Sketch, answer: list[dict[str, Any]], default: str) -> None:
        with locked(self.path) as file:
            self._catch_up()
            if self.damaged and not self.header and not self._places:
                raise UsageError(
                    f"{self.path} is no cassette.", hint="Name another file: it would be changed."
                )
            head = b"" if self.header else line_of(header(default))
            end = file.seek(0, os.SEEK_END)
            if end and _last(file, end) != b"\n":  # a line that was cut off when its writer was killed
                head = b"\n" + head
            if not self._own:
                self._own = self._take + 1
            new = {name: each for name, each in sketch.values.items() if name not in self._told}
            _write(file, head + line_of(record_of(sketch, answer, take=self._own, values=new)))
            self._told.update(new)

    def _catch_up(self) -> None:
        """Index what was added since; begin anew where the file is another or a shorter one."""
        with self._open() as file:
            status = os.fstat(file.fileno())
            if status.st_size < self._offset or status.st_ino != self._inode:
                self._forget()
                self._inode = status.st_ino
            if status.st_size == self._offset:
                return
            file.seek(self._offset)
            while raw := file.readline(_LONGEST):
                if not raw.endswith(b"\n"):
                    break  # perhaps it is being written just now
                self._lines += 1
                self._index(raw)
                self._offset += len(raw)

    def _index(self, raw: bytes) -> None:
        head = _HEAD.match(raw)
        if head is not None and raw.endswith((b"}\n", b"}\r\n")):
            take = int(head[2])
            place = Place(self._lines, self._offset, len(raw), take)
            self._places.setdefault(head[1].decode(), []).append(place)
            self._models.setdefault(json.loads(head[3]))
            self._take = max(self._take, take)
        elif raw.strip() and not self._is_header(raw):
            self.damaged.append(self._lines)

    def _is_header(self, raw: bytes) -> bool:
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            return False
        if not isinstance(value, dict) or not isinstance(version := value.get("cassette"), int):
            return False
        if version > VERSION:
            text = f"The cassette {self.path} was written by a newer CodeMAD (format {version})."
            raise UsageError(text, hint="Upgrade CodeMAD, or record the cassette again.")
        self.header = self.header or value
        return True

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        except FileNotFoundError:
            text = f"There is no cassette {self.path}."
            raise NotFound(text, hint="Record one with codemad record NOTEBOOK.") from None
        except OSError as error:
            raise CodemadError(f"The cassette {self.path} cannot be read: {error.strerror}.") from error
        with os.fdopen(descriptor, "rb") as file:
            _check_regular(file, self.path)
            yield file

    def _parsed(self, file: IO[bytes], place: Place) -> Recorded | None:
        file.seek(place.offset)
        try:
            found = _recorded(json.loads(file.read(place.length)), place)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            found = None
        if found is None and place.line not in self.damaged:
            self.damaged.append(place.line)
        return found


def header(default: str) -> dict[str, Any]:
    """The first line of a file."""
    return {"cassette": VERSION, "default": default}


def record_of(
    sketch: Sketch, answer: list[dict[str, Any]], *, take: int, values: dict[str, Any]
) -> dict[str, Any]:
    """The line of a call."""
    parts = {"params": sketch.params, "system": sketch.system, "tools": sketch.tools}
    return {
        "key": sketch.key,
        "take": take,
        "model": sketch.params.get("model", ""),
        "request": {**parts, "messages": list(sketch.messages)},
        "values": values,
        "answer": answer,
    }


def _recorded(value: dict[str, Any], place: Place) -> Recorded | None:
    request = value["request"]
    parts = Sketch(
        params=dict(request["params"]),
        system=str(request["system"]),
        tools=dict(request["tools"]),
        messages=tuple(request["messages"]),
        values=dict(value["values"]),
    )
    # A line that was changed by hand or by a failing disk does not fit its key any more.
    if parts.key != value["key"] or not isinstance(value["answer"], list):
        return None
    return Recorded(place.line, value["key"], place.take, value["model"], parts, value["answer"])


def line_of(value: dict[str, Any]) -> bytes:
    """The value as a line."""
    try:
        return json.dumps(value, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # half a character, which only an escape can hold
        return json.dumps(value).encode() + b"\n"


def _write(file: IO[bytes], data: bytes) -> None:
    """One call as a rule; more only where the disk takes less at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _last(file: IO[bytes], end: int) -> bytes:
    file.seek(end - 1)
    return file.read(1)


def _check_regular(file: IO[bytes], path: Path) -> None:
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise UsageError(f"{path} is no file that can hold a cassette.", hint="Name a file.")


@contextmanager
def locked(path: Path) -> Iterator[IO[bytes]]:
    """The file, made if it is not there, to be added to while nobody else writes. No link is followed: one
    in a folder of somebody else's may lead anywhere."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        with os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0) as file:
            _check_regular(file, path)
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            # Somebody may have put another file into its place while we waited.
            if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                yield file
                return
