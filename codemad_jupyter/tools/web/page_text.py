"""The text of a page: without scripts and styles, links beside their words. Pure."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

_SKIPPED = "script style noscript template svg iframe object canvas select"
_BLOCKS = (
    "p div section article header footer main nav aside ul ol table tr pre blockquote br hr h1 h2 h3 h4 h5 h6"
    " dt dd figure figcaption form"
)
SKIPPED = frozenset(_SKIPPED.split())
BLOCKS = frozenset(_BLOCKS.split())


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.title = ""
        self._url = url
        self._skipping: list[str] = []
        self._in_title = False
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in SKIPPED:
            self._skipping.append(tag)
        elif tag == "title":
            self._in_title = True
        elif tag == "a":
            self._links.append(_link(self._url, given.get("href") or ""))
        elif tag == "li":
            self.pieces.append("\n- ")
        elif tag in BLOCKS:
            self.pieces.append(f"\n{'#' * int(tag[1])} " if re.fullmatch("h[1-6]", tag) else "\n")
        elif tag in ("td", "th"):
            self.pieces.append(" | ")

    def handle_endtag(self, tag: str) -> None:
        if tag in SKIPPED and tag in self._skipping:
            del self._skipping[self._skipping.index(tag) :]
        elif tag == "title":
            self._in_title = False
        elif tag == "a" and self._links:
            link = self._links.pop()
            self.pieces.append(f" ({link})" if link else "")
        elif tag in BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._skipping:
            self.pieces.append(data)


def _link(url: str, href: str) -> str:
    """Where a link leads, when that is a page."""
    try:
        found = urljoin(url, href.strip()) if href and not href.startswith("#") else ""
    except ValueError:
        return ""
    return found if found.startswith(("http://", "https://")) and len(found) < 300 else ""


def text_of(html: str, *, url: str) -> tuple[str, str]:
    """The title and the text of a page."""
    reader = _Reader(url)
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).splitlines())
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return " ".join(reader.title.split())[:200], text
