"""Owns what people of a hub may use through the model gateway, and the count of what they used, kept in a
file of its own so that a restart forgets nothing. Whom a request is from is `model_gateway`'s business."""

import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from codemad_jupyter.protocol.base import Value

DAY = 86_400.0
LARGEST = 20_000_000
"""Bytes of a request, and of an answer that is looked through."""
_TABLE = """create table if not exists used
(id integer primary key, who text, at real, calls int, tokens int, cost real)"""
_INDEX = "create index if not exists used_by on used (who, at)"


class Quota(Value):
    """What one person may use within ``days``: calls, tokens, US dollars; None is no limit."""

    calls: int | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    cost: float | None = Field(default=None, ge=0)
    days: float = Field(default=1.0, gt=0, le=366)


@dataclass(frozen=True)
class Used:
    """What somebody used."""

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0


def exceeded(quota: Quota, used: Used) -> str:
    """What of the quota is used up, in words; empty while something is left."""
    for name, limit in (("calls", quota.calls), ("tokens", quota.tokens), ("cost", quota.cost)):
        if limit is not None and getattr(used, name) >= limit:
            unit = "US dollars" if name == "cost" else name
            span = "a day" if quota.days == 1 else f"in {quota.days:g} days"
            return f"{limit:g} {unit} {span} are used up"
    return ""


class UsageBook:
    """The count. Everything is done at once, on one thread."""

    def __init__(self, path: Path | str) -> None:
        if isinstance(path, Path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=True)
        self._open = sqlite3.connect(path, isolation_level=None)
        self._open.execute(_TABLE)
        self._open.execute(_INDEX)

    def used(self, names: Iterable[str], days: float) -> Used:
        """What these people used together in the last days."""
        since, found = time.time() - days * DAY, Used()
        for who in names:
            asked = "select total(calls), total(tokens), total(cost) from used where who = ? and at > ?"
            calls, tokens, cost = self._open.execute(asked, (who, since)).fetchone()
            found = Used(found.calls + int(calls), found.tokens + int(tokens), found.cost + cost)
        return found

    def begin(self, who: str) -> int:
        """Count a call before it is made; its number."""
        added = self._open.execute(
            "insert into used (who, at, calls, tokens, cost) values (?, ?, 1, 0, 0)", (who, time.time())
        )
        return int(added.lastrowid or 0)

    def end(self, call: int, *, tokens: int, cost: float) -> None:
        """What that call came to."""
        self._open.execute("update used set tokens = ?, cost = ? where id = ?", (tokens, cost, call))

    def close(self) -> None:
        """Let the file go."""
        self._open.close()


class Counter:
    """Reads the use out of an answer that passes; where the server tells none it is estimated."""

    def __init__(self) -> None:
        self._rest = b""
        self._whole = bytearray()
        self._size = 0
        self._usage: dict[str, Any] = {}

    @property
    def measured(self) -> bool:
        """Did the server tell?"""
        return bool(self._usage)

    def take(self, chunk: bytes) -> None:
        """A piece of the answer."""
        self._size += len(chunk)
        if self._size < LARGEST:
            self._whole += chunk
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:") and b'"usage"' in line:
                self._read(line[5:])

    def tokens(self, asked: int) -> tuple[int, int]:
        """Tokens in and out; ``asked`` is the size of the request."""
        if not self._usage:
            self._read(self._whole)
        told = self._usage
        return int(told.get("prompt_tokens") or asked // 4), int(
            told.get("completion_tokens") or self._size // 4
        )

    def _read(self, data: bytes | bytearray) -> None:
        try:
            found = json.loads(data).get("usage")
        except (ValueError, AttributeError, RecursionError):
            return
        if isinstance(found, dict):
            self._usage = found
