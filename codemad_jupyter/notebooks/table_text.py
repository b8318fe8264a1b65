"""HTML as compact text: tables as lines with tabs, anything else without its tags.

Reads the ends of a huge table only; the rows between them are counted, not parsed.
"""

import re
from html.parser import HTMLParser

HEAD_ROWS = 30
TAIL_ROWS = 10
HEAD_SIZE = 200_000
TAIL_SIZE = 100_000
LONGEST_CELL = 200
MOST_CELLS = 60
ROW = re.compile(r"<tr[\s>]", re.IGNORECASE)
TABLE = re.compile(r"<table[\s>]", re.IGNORECASE)
SILENT = frozenset({"style", "script", "head", "template", "svg"})
BREAKS = frozenset({"br", "p", "div", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "table"})


def has_table(html: str) -> bool:
    """Is there a table in it?"""
    return TABLE.search(html[:HEAD_SIZE]) is not None


def html_text(html: str) -> str:
    """The HTML as text. Of a long table the first and last rows are kept, the others counted."""
    rows = sum(1 for _ in ROW.finditer(html))
    if rows <= HEAD_ROWS + TAIL_ROWS and len(html) <= HEAD_SIZE:
        return _parsed(html)
    if not rows:
        return _parsed(html[:HEAD_SIZE]) + f"\n[… {max(len(html) - HEAD_SIZE, 0):,} characters left out …]"
    first = _parsed(_upto_row(html[:HEAD_SIZE], HEAD_ROWS + 1)).split("\n")[: HEAD_ROWS + 1]
    start = _last_rows(html)
    last = _parsed(html[start:])
    shown = len(ROW.findall(html, start)) + len(first)
    mark = [f"[… {rows - shown:,} rows left out …]"] if rows > shown else []
    return "\n".join([*first, *mark, last])


def _upto_row(html: str, count: int) -> str:
    for number, found in enumerate(ROW.finditer(html)):
        if number == count:
            return html[: found.start()]
    return html


def _last_rows(html: str) -> int:
    begin = max(len(html) - TAIL_SIZE, 0)
    starts = [found.start() for found in ROW.finditer(html, begin)]
    return starts[-TAIL_ROWS] if len(starts) >= TAIL_ROWS else (starts[0] if starts else len(html))


def _parsed(html: str) -> str:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line: list[str] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self._silent += 1
        elif tag == "tr":
            self._end_cell()
            self._end_line()
            self._row = []
        elif tag in ("td", "th"):
            self._end_cell()
            self._row = self._row if self._row is not None else []
            self._cell = []
        elif tag in BREAKS:
            self._end_line()

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self._silent = max(self._silent - 1, 0)
        elif tag in ("td", "th"):
            self._end_cell()
        elif tag == "tr":
            self._end_cell()
            self._end_line()
        elif tag in BREAKS:
            self._end_line()

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._cell is not None:
            self._cell.append(data)
        elif self._row is None:
            self._line.append(data)

    def text(self) -> str:
        self._end_cell()
        self._end_line()
        return "\n".join(self._lines)

    def _end_cell(self) -> None:
        if self._cell is not None and self._row is not None:
            text = " ".join("".join(self._cell).split())
            self._row.append(text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…")
        self._cell = None

    def _end_line(self) -> None:
        if self._cell is not None and self._row is not None:
            self._cell.append(" ")  # a break within a cell
            return
        if self._row is not None:
            more = len(self._row) - MOST_CELLS
            row = [*self._row[:MOST_CELLS], f"[… {more:,} more columns …]"] if more > 0 else self._row
            if any(row):
                self._lines.append("\t".join(row))
            self._row = None
            return
        text = " ".join("".join(self._line).split())
        if text:
            self._lines.append(text)
        self._line = []
