"""Outputs of two runs of a cell compared, without what differs from run to run. Pure.

Addresses, durations, temporary paths, ids and progress bars are masked; a date or time only where the
new one is that of the run itself: one that is data must stay the same. Images have their own file.
"""

import difflib
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from codemad_jupyter.notebooks.image_likeness import alike
from codemad_jupyter.notebooks.outputs import joined, strip_ansi

MASKS = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"(?<=\bat )0x[0-9a-fA-F]{6,16}", "<address>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
        (r"(?:/private)?(?:/var/folders|/tmp|/var/tmp)/[^\s'\":,)>]*", "<temporary>"),
        (r"[A-Z]:\\[^\s'\"]*\\Temp\\[^\s'\":]*", "<temporary>"),
        (r"<ipython-input-\d+-\w+>", "<cell>"),
        (r"\b((?:Cell )?(?:In|Out|Input In) ?)\[\d+\]", r"\1[n]"),
        (r"\bsk-container-id-\d+|\bT_[0-9a-f]{5}(?=[\s_\"#])", "<id>"),
        (r"\b\d+(?:\.\d+)?(?:e-?\d+)? ?(?:ns|µs|μs|us|ms|s|secs?|seconds?|min|minutes?)\b", "<duration>"),
        (r"(?i)\b(elapsed|took|duration|eta)(\W{1,3})[\d:.]+", r"\1\2<duration>"),
    )
)
PROGRESS = re.compile(r"\d+%\|.*\||[━╸█▏▎▍▌▋▊▉]{3,}|\[[=>. -]{8,}\]|\b\d+it \[")
MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?|\b1[6-9]\d{8}(?:\.\d+)?\b")
WIDGET = "application/vnd.jupyter.widget-view+json"
MOST_LINES = 40
MOST_CHARACTERS = 4000


def difference(old: Iterable[Any], new: Iterable[Any], *, now: datetime) -> str:
    """A bounded unified diff of the outputs; empty when they are the same but for what is volatile."""
    before, after = rendered(old), rendered(new)
    images = _images_alike(before, after)
    texts = [
        [
            line
            for part, value in side
            if not (images and part.startswith("image/"))
            for line in _lines(part, value)
        ]
        for side in (before, after)
    ]
    first, second = timeless("\n".join(texts[0]), "\n".join(texts[1]), now=now)
    lines = list(
        difflib.unified_diff(first.split("\n"), second.split("\n"), "stored", "now", lineterm="", n=2)
    )
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"[… {len(lines) - MOST_LINES} more lines …]"]
    return "\n".join(line[:300] for line in lines)[:MOST_CHARACTERS]


def rendered(outputs: Iterable[Any]) -> list[tuple[str, str]]:
    """Outputs as pairs of type and text; the pieces of a stream are one."""
    streams: dict[str, str] = {}
    found: list[tuple[str, str]] = []
    for output in outputs:
        kind = output.get("output_type")
        if kind == "stream":
            streams[output.get("name", "")] = streams.get(output.get("name", ""), "") + joined(
                output.get("text", "")
            )
        elif kind == "error":
            found.append(("error", f"{output.get('ename', '')}: {output.get('evalue', '')}"))
        else:
            found += _data(output.get("data", {}))
    return [*sorted(streams.items()), *found]


def _data(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    if WIDGET in data:
        return [(WIDGET, "widget")]
    return [
        (
            mime,
            value
            if isinstance(value, str)
            else joined(value)
            if isinstance(value, list)
            else json.dumps(value),
        )
        for mime, value in sorted(data.items())
    ]


def _images_alike(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> bool:
    sides = [
        [(m, v) for m, v in side if m.startswith("image/") and m != "image/svg+xml"]
        for side in (before, after)
    ]
    return len(sides[0]) == len(sides[1]) and all(
        old[0] == new[0] and alike(old[1], new[1]) for old, new in zip(*sides, strict=True)
    )


def _lines(part: str, value: str) -> list[str]:
    if part.startswith("image/") and part != "image/svg+xml":
        return [f"[{part}, {len(value)} characters, {zlib.crc32(value.encode()):08x}]"]
    text = steady(value)
    return [f"[{part}]", *text.split("\n")] if text else []


def steady(text: str) -> str:
    """The text without colours, progress bars, addresses, durations and temporary names."""
    lines = [line.rstrip() for line in strip_ansi(text).split("\n") if not PROGRESS.search(line)]
    text = "\n".join(lines).strip("\n")
    for pattern, put in MASKS:
        text = pattern.sub(put, text)
    return text


def timeless(old: str, new: str, *, now: datetime) -> tuple[str, str]:
    """Both texts with dates and times masked that are those of the run, each with its counterpart."""
    then, today = MOMENT.findall(old), MOMENT.findall(new)
    if len(then) != len(today):
        return old, new
    near = iter([_is_near(moment, now) for moment in today] * 2)

    def mask(match: re.Match[str]) -> str:
        return "<time>" if next(near) else match[0]

    return MOMENT.sub(mask, old), MOMENT.sub(mask, new)


def _is_near(text: str, now: datetime) -> bool:
    """Is it the day of the run, in this or another time zone?"""
    try:
        moment = datetime.fromisoformat(text[:10]) if "-" in text else datetime.fromtimestamp(float(text))
    except (ValueError, OverflowError, OSError):
        return False
    return abs(moment.replace(tzinfo=None) - now.replace(tzinfo=None)) < timedelta(
        days=2 if "-" in text else 1
    )
