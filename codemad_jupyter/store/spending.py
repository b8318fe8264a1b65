"""Keeps what model calls used, for all processes of a person: one line of JSON for each call, a file a month.

Not in the workspace's store: a person's budget spans workspaces, and kernels and commands that cannot have
the store call models too. Lines are only ever added, each in one write, so that processes do not mix them;
what cannot be written counts in this process all the same.
"""

import asyncio
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from codemad_jupyter.disk import add_line
from codemad_jupyter.protocol.supply import Charge, Scope, Spent

_log = logging.getLogger(__name__)
_PREFIX, _SUFFIX = "spending-", ".jsonl"


class Spending:
    """The charges in one folder. What was read once is not read again, but for what was added since."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._read_to: dict[str, int] = {}
        self._charges: list[Charge] = []
        self._unwritten: list[Charge] = []

    async def record(self, charge: Charge) -> None:
        """Keep this charge."""
        await asyncio.to_thread(self._record, charge)

    async def spent(self, scope: Scope, key: str, *, since: float = 0.0) -> Spent:
        """What was used on that account since then (seconds since the epoch); ``key`` is the session's id
        or the notebook's path."""
        return await asyncio.to_thread(self._spent, scope, key, since)

    def _record(self, charge: Charge) -> None:
        month = datetime.fromtimestamp(charge.at, UTC).strftime("%Y-%m")
        path = self._folder / f"{_PREFIX}{month}{_SUFFIX}"
        line = f"{charge.model_dump_json()}\n".encode()
        with self._lock:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                add_line(path, line)
            except OSError as error:
                if not self._unwritten:
                    _log.warning("What model calls used cannot be kept in %s: %s", path, error.strerror)
                self._unwritten.append(charge)

    def _spent(self, scope: Scope, key: str, since: float) -> Spent:
        with self._lock:
            self._catch_up()
            return Spent.of(
                charge
                for charge in (*self._charges, *self._unwritten)
                if charge.at >= since and charge.on(scope, key)
            )

    def _catch_up(self) -> None:
        """Read what was added since the last time, by whichever process."""
        try:
            paths = sorted(self._folder.glob(f"{_PREFIX}*{_SUFFIX}"))
        except OSError:
            return
        for path in paths:
            begin = self._read_to.get(path.name, 0)
            try:
                with path.open("rb") as file:
                    file.seek(begin)
                    added = file.read()
            except OSError as error:
                _log.warning("%s cannot be read: %s", path, error.strerror)
                continue
            whole = added[: added.rfind(b"\n") + 1]
            self._read_to[path.name] = begin + len(whole)
            self._charges.extend(_charges(whole))


def _charges(lines: bytes) -> Iterator[Charge]:
    for line in lines.splitlines():
        try:
            yield Charge.model_validate_json(line)
        except ValidationError:
            # A line that a crash cut, or that a later version wrote: one call less in the count.
            _log.info("a line of the spending could not be read")
