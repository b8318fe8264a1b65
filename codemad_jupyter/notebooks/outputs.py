"""Outputs of a cell as bounded plain text, for a model or a terminal to read."""

import re
from typing import Any

LIMIT = 4000
PIECE = 20_000
ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
TEXTS = ("text/plain", "text/markdown", "text/latex", "application/json")


def strip_ansi(text: str) -> str:
    """The text without terminal sequences and control characters; progress bars keep their last state."""
    if "\r" in text:
        lines = text.replace("\r\n", "\n").split("\n")
        text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)
    return ANSI.sub("", text)


def outputs_text(outputs: list[Any] | tuple[dict[str, Any], ...], limit: int = LIMIT) -> str:
    """All outputs as text of at most ``limit`` characters; the middle of a longer one is left out."""
    chosen = [output for output in outputs if isinstance(output, dict)]
    pieces = [shorten(one_output(output), limit) for output in (*chosen[:50], *chosen[50:][-50:])]
    if len(chosen) > 100:
        pieces.insert(50, f"[… {len(chosen) - 100} outputs left out …]")
    return shorten("\n".join(piece for piece in pieces if piece), limit)


def one_output(output: dict[str, Any]) -> str:
    """One output as text; what is not text appears by its type."""
    kind = output.get("output_type")
    if kind == "stream":
        return strip_ansi(joined(output.get("text", ""))).rstrip("\n")
    if kind == "error":
        trace = strip_ansi(joined(output.get("traceback", []), "\n")).strip()
        return trace or f"{output.get('ename', '')}: {output.get('evalue', '')}"
    data = output.get("data")
    if not isinstance(data, dict) or not data:
        return ""
    images = " ".join(f"[{mime}]" for mime in data if mime.startswith("image/"))
    text = next((strip_ansi(joined(data[mime])) for mime in TEXTS if mime in data), "")
    if images or text:
        return "\n".join(part for part in (text, images) if part)
    return " ".join(f"[{mime}]" for mime in data)


def joined(value: Any, separator: str = "") -> str:
    """A multi-line string as nbformat stores it; of a huge one only the ends, before it is joined."""
    if isinstance(value, str):
        return value if len(value) <= 2 * PIECE else f"{value[:PIECE]}\n…\n{value[-PIECE:]}"
    if isinstance(value, list):
        lines = value if len(value) <= 4000 else [*value[:2000], "\n…\n", *value[-2000:]]
        return joined(separator.join(line for line in lines if isinstance(line, str)))
    return str(value)[:PIECE]


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters: the beginning, a mark, and the end, where errors tell their cause."""
    if len(text) <= limit:
        return text
    mark = f"\n[… {len(text) - limit} characters left out …]\n"
    room = max(limit - len(mark), 0)
    head = room * 2 // 3
    return text[:head] + mark + text[len(text) - (room - head) :]
