"""Outputs of a cell as bounded plain text: the one way in which models and terminals get them.

Text is cleaned and folded, tables become lines with tabs, and what cannot be read as text is named
with its size instead of being dumped. Images travel beside the text, see `output_images`.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from codemad_jupyter.notebooks.output_images import MIMES, label
from codemad_jupyter.notebooks.table_text import has_table, html_text
from codemad_jupyter.notebooks.terminal_text import MOST, cleaned, folded, shortened

LIMIT = 12_000
SMALLEST, LARGEST = 8_000, 24_000
"""Between these a person may choose the limit."""
MOST_OUTPUTS = 100
WIDGET = "application/vnd.jupyter.widget-view+json"
OBJECT = re.compile(r"<[\w.]+(?: object)?(?: at 0x[0-9a-f]+)?>")
BOXES = re.compile("[┌│╞├└╭╰]")


def outputs_text(outputs: Iterable[Any], limit: int = LIMIT) -> str:
    """All outputs as text of at most ``limit`` characters; the middle of a longer one is left out."""
    chosen = [output for output in outputs if isinstance(output, dict)]
    half = MOST_OUTPUTS // 2
    over = len(chosen) - MOST_OUTPUTS
    shown = chosen if over <= 0 else [*chosen[:half], *chosen[-half:]]
    pieces = [shortened(one_output(output), limit) for output in shown]
    if over > 0:
        pieces.insert(half, f"[… {over:,} outputs left out …]")
    return shortened(folded("\n".join(piece for piece in pieces if piece)), limit)


def plain(text: str, limit: int = LIMIT) -> str:
    """Text from a kernel that is no output by itself, in the same way: cleaned, folded, bounded."""
    return shortened(folded(cleaned(text)), limit)


def strip_ansi(text: str) -> str:
    """The text as a terminal would have left it, in full."""
    return cleaned(text)


def one_output(output: dict[str, Any]) -> str:
    """One output as text; what is not text appears by its type."""
    kind = output.get("output_type")
    if kind == "stream":
        return folded(cleaned(joined(output.get("text", ""))).rstrip("\n"))
    if kind == "error":
        trace = cleaned(joined(output.get("traceback", []), "\n")).strip()
        return folded(trace) or cleaned(f"{output.get('ename', '')}: {joined(output.get('evalue', ''))}")
    data = output.get("data")
    if not isinstance(data, dict) or not data:
        return ""
    images = " ".join(label(mime, value) for mime, value in data.items() if mime.startswith("image/"))
    parts = [part for part in (_words(data), images) if part]
    return "\n".join(parts) or " ".join(f"[{mime}]" for mime in list(data)[:20])


def _words(data: dict[str, Any]) -> str:
    """The best of a bundle that is text, or a name for what is drawn from data."""
    drawing = next((text for text in (_named(mime, value) for mime, value in data.items()) if text), "")
    if drawing:
        return drawing
    html = joined(data.get("text/html", ""))
    words = cleaned(joined(data.get("text/plain", ""))).rstrip("\n")
    if html and has_table(html) and (not words or OBJECT.fullmatch(words) or _is_table(words)):
        return cleaned(html_text(html))
    if words and not (OBJECT.fullmatch(words) and len(data) > 1 and not any(m in data for m in MIMES)):
        return folded(words)
    for mime in ("text/markdown", "text/latex"):
        if mime in data:
            return folded(cleaned(joined(data[mime])))
    if html:
        return cleaned(html_text(html))
    return _json("application/json", data["application/json"]) if "application/json" in data else words


def _is_table(words: str) -> bool:
    """Is it the drawing of a table, which its HTML says in fewer signs?"""
    return "\n" in words and (
        words.count("  ") > 2 or BOXES.search(words[:4_000]) is not None or "rows x " in words[-60:]
    )


def _named(mime: str, value: Any) -> str:
    """A few words for a drawing made of data; empty for any other type."""
    if mime == WIDGET:
        return "[a widget]"
    if not isinstance(value, dict):
        return ""
    if mime.startswith("application/vnd.plotly"):
        data = value.get("data")
        traces = data if isinstance(data, list) else []
        kinds = sorted(
            {str(trace.get("type", "scatter"))[:30] for trace in traces if isinstance(trace, dict)}
        )
        named = f"{len(traces):,} trace{'s' * (len(traces) != 1)} ({', '.join(kinds[:10])})"
        return f"[a plotly figure: {named}{_title(value.get('layout'))}]"
    if mime.startswith(("application/vnd.vegalite", "application/vnd.vega")):
        mark = value.get("mark")
        drawn = mark.get("type") if isinstance(mark, dict) else mark
        return f"[a Vega chart{f': {str(drawn)[:30]}' if drawn else ''}{_title(value)}]"
    if mime.startswith("application/vnd.bokehjs") or mime.startswith("application/vnd.holoviews"):
        return "[a Bokeh figure]"
    if mime == "application/geo+json":
        return _json(mime, value)
    return ""


def _title(holder: Any) -> str:
    title = holder.get("title") if isinstance(holder, dict) else None
    title = title.get("text") if isinstance(title, dict) else title
    return f", “{cleaned(title)[:100]}”" if isinstance(title, str) and title else ""


def _json(mime: str, value: Any) -> str:
    """JSON in full where it is short, else what it is made of."""
    try:
        text = cleaned(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        return f"[{mime}]"
    if len(text) <= 500:
        return text
    keys = ", ".join(cleaned(str(key))[:40] for key in list(value)[:12]) if isinstance(value, dict) else ""
    kind = f"an object with {len(value):,} keys: {keys}" if isinstance(value, dict) else "a list or text"
    return f"[{mime}: {kind}, {len(text):,} characters]"


def joined(value: Any, separator: str = "") -> str:
    """A multi-line string as nbformat stores it; of a monstrous one only the ends."""
    if isinstance(value, str):
        return value if len(value) <= 2 * MOST else value[:MOST] + value[-MOST:]
    if isinstance(value, list):
        return joined(separator.join(line for line in value if isinstance(line, str)))
    return "" if value is None else str(value)[:20_000]
