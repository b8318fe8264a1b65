"""The log: one line of JSON for each thing of note, in one file for all processes of a person, masked as the
records were (`masked_log`), with the session and the run that was at work."""

import contextlib
import json
import logging
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol

from codemad_jupyter.config.operating_settings import LogLevel
from codemad_jupyter.config.paths import data_dir
from codemad_jupyter.disk import GrowingFile

ROOM = "codemad_jupyter"
ACTIVITY = "codemad_jupyter.activity"
"""What runs do, step by step: in the log alone, for it would drown all else on a terminal."""
KEPT = 4
_log = logging.getLogger(__name__)
_work: ContextVar[tuple[str, str]] = ContextVar("codemad_work", default=("", ""))


class HasLog(Protocol):
    """Settings, as far as this file needs them."""

    @property
    def data_dir(self) -> Path | None: ...
    @property
    def log_level(self) -> LogLevel: ...
    @property
    def log_size(self) -> int: ...


@contextlib.contextmanager
def at_work(session: str, run: str) -> Iterator[None]:
    """What is logged in here, and by tasks and threads begun in here, belongs to this run."""
    token = _work.set((session, run))
    try:
        yield
    finally:
        _work.reset(token)


def log_file(settings: HasLog | None = None) -> Path:
    """Where the log is."""
    return data_dir(settings) / "logs" / "codemad.jsonl"


def files(path: Path) -> list[Path]:
    """The log and what was put aside of it, oldest first."""
    return GrowingFile(path, kept=KEPT).files()


def start_log(settings: HasLog) -> None:
    """Log as these settings say, from now on; what was said before holds no longer."""
    room, activity = logging.getLogger(ROOM), logging.getLogger(ACTIVITY)
    for logger in (room, activity):
        for handler in [each for each in logger.handlers if isinstance(each, JsonLog)]:
            logger.removeHandler(handler)
    activity.propagate = False
    activity.setLevel(logging.CRITICAL + 1)
    if settings.log_level == "off":
        return
    path = log_file(settings)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        _log.warning("there is no log: %s cannot be made (%s)", path.parent, error.strerror)
        return
    handler = JsonLog(path, largest=settings.log_size)
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    handler.setLevel(level)
    activity.setLevel(level)
    if level == logging.DEBUG:
        room.setLevel(level)
    for logger in (room, activity):
        logger.addHandler(handler)


class JsonLog(logging.Handler):
    """Adds records to the file."""

    def __init__(self, path: Path, *, largest: int) -> None:
        super().__init__()
        self._file = GrowingFile(path, kept=KEPT)
        self._largest = largest
        self._broken = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line. Where that cannot be done it is said once, on the other ways."""
        if self._broken:
            return
        line = f"{json.dumps(_fields(record), ensure_ascii=False, default=str)}\n"
        try:
            self._file.add(line.encode("utf-8", "backslashreplace"), largest=self._largest)
        except OSError as error:
            self._broken = True
            _log.warning("the log %s cannot be written any more (%s)", self._file.path, error.strerror)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """The line: when, how grave, who says it, for which run, and what."""
    session, run = _work.get()
    told: dict[str, Any] = {
        "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{record.msecs:03.0f}Z",
        "level": record.levelname.lower(),
        "logger": record.name.removeprefix(f"{ROOM}."),
        "pid": record.process,
        "session": session,
        "run": run,
        "message": record.getMessage(),
    }
    more = getattr(record, "codemad", None)
    if isinstance(more, dict):
        told |= more
    if record.exc_text:
        told["error"] = record.exc_text
    return told
