"""A program of its own that finds lines by a pattern: it reads what is asked, and writes a hit a line.

It imports nothing but the standard library, opens regular files alone and follows no links.
"""

import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from typing import Any

LARGEST = 20_000_000
LONGEST = 300
"""Characters of a line that are told."""


def main() -> None:
    """Look, and say what was found."""
    asked = json.load(sys.stdin)
    text = re.escape(asked["pattern"]) if asked["literal"] else asked["pattern"]
    try:
        pattern = re.compile(text, re.IGNORECASE if asked["ignore_case"] else 0)
    except (re.error, OverflowError, RecursionError) as error:
        _say({"problem": f"The pattern cannot be read: {error}", "ended": True})
        return
    left = asked["most"]
    for path in asked["paths"]:
        for hit in _hits(asked["root"], path, pattern, asked["around"]):
            if left == 0:
                _say({"more": True, "ended": True})
                return
            left -= 1
            _say(hit)
    _say({"ended": True})


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _hits(root: str, path: str, pattern: re.Pattern[str], around: int) -> Iterator[dict[str, Any]]:
    for cell, text in _texts(root, path):
        lines = text.splitlines()
        for at, line in enumerate(lines):
            found = pattern.search(line)
            if found is None:
                continue
            hit: dict[str, Any] = {"path": path, "line": at + 1, "text": _part(line, found), "cell": cell}
            if around:
                near = range(max(at - around, 0), min(at + around + 1, len(lines)))
                hit["text"] = "\n".join(lines[each][:LONGEST] for each in near)
            yield hit


def _part(line: str, found: re.Match[str]) -> str:
    """The line, or what is around the hit in a long one."""
    if len(line) <= LONGEST:
        return line
    start = max(min(found.start() - LONGEST // 3, len(line) - LONGEST), 0)
    return f"{'…' if start else ''}{line[start : start + LONGEST]}…"


def _texts(root: str, path: str) -> Iterator[tuple[str | None, str]]:
    """The text of a file; of a notebook each cell's source with its id or place."""
    text = _text(os.path.join(root, path))  # noqa: PTH118 - Path takes longer to import than all this takes
    if text is None:
        return
    if not path.endswith(".ipynb"):
        yield None, text
        return
    try:
        cells = json.loads(text)["cells"]
        for number, cell in enumerate(cells):
            source = cell.get("source") or ""
            joined = source if isinstance(source, str) else "".join(map(str, source))
            yield str(cell.get("id") or f"#{number}"), joined
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return  # a notebook that cannot be read has no sources


def _text(path: str) -> str | None:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST or b"\0" in raw[:8192]:
        return None
    return raw.decode("utf-8", "replace")


if __name__ == "__main__":
    main()
