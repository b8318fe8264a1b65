"""Owns how changes in a folder are noticed: batches of paths as they are saved, moved and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from codemad_jupyter.context.ignoring import IGNORE_FILES
from codemad_jupyter.context.walking import SKIPPED

if TYPE_CHECKING:
    from threading import Event

    from watchfiles import Change

GATHER_MS = 40
"""What is saved within so many milliseconds is taken up together."""
LOOK_EVERY = 5.0
"""Seconds between looks at the whole folder where the system cannot tell of changes."""
MANY = 500
"""More paths than these at once (a checkout) are a reason to look at the whole folder."""


class Changes(NamedTuple):
    """What changed. ``all``: rules or too much changed, so everything must be looked at."""

    paths: frozenset[str]
    all: bool


def watch_folder(root: Path, stop: Event) -> Iterator[Changes]:
    """Changes below the root until ``stop`` is set, and nothing every now and then: the first time tells
    that from here on nothing is missed."""
    try:
        yield from _told(root, stop)
    except (RuntimeError, OSError):  # watchfiles raises either where the system cannot watch so many
        yield Changes(frozenset(), all=True)
        while not stop.wait(LOOK_EVERY):
            yield Changes(frozenset(), all=True)


def _told(root: Path, stop: Event) -> Iterator[Changes]:
    from watchfiles import watch

    root = root.resolve()

    def wanted(change: Change, path: str) -> bool:
        return SKIPPED.isdisjoint(_below(root, path).split("/"))

    batches = watch(
        root,
        watch_filter=wanted,
        debounce=GATHER_MS * 5,
        step=GATHER_MS,
        stop_event=stop,
        rust_timeout=100,
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    for batch in batches:
        paths = frozenset(_below(root, path) for _, path in batch) - {""}
        rules = any(path.rpartition("/")[2] in IGNORE_FILES for path in paths)
        yield Changes(paths, rules or len(paths) > MANY)


def _below(root: Path, path: str) -> str:
    try:
        return Path(path).relative_to(root).as_posix()
    except ValueError:
        return ""
