"""Text from models and tools, made harmless before a cell output or a terminal shows it.

A trusted notebook renders markdown outputs with raw HTML and fetches images, so both are taken
out of the text here: nothing runs and nothing is fetched, whatever a model or a file name says.
Fenced code keeps its characters; around it, marks that would become tags, images, reference
definitions or links to anything but http(s) and plain relative paths are broken up.
"""

from __future__ import annotations

import html
import re

from codemad_jupyter.app.plain_text import one_line, plain_text

_GAP = "\u200b"
"""A zero-width space: breaks a mark without being seen, in prose and in code spans alike."""

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})([^`]*)$")
_RUN = re.compile(r"(`{2}|~{2})(?=[`~])")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_LINK = re.compile(
    r"\](?=\()"
    r"(?!\(\s*(?:https?://[^\s<>\\]*|#[\w-]*|[\w%-][\w./%-]*(?:#[\w-]*)?)\s*(?:[\"'][^\"']*[\"'])?\s*\))"
)


def escaped(text: str) -> str:
    """For HTML."""
    return html.escape(plain_text(text), quote=True)


def code_span(text: str) -> str:
    """A markdown code span that holds the text whatever backticks are in it."""
    line = one_line(text).replace("`", "'")
    line = _TAG.sub(f"<{_GAP}", line).replace("![", f"!{_GAP}[")
    return f"`{line}`" if line else ""


def fenced(text: str, language: str = "") -> str:
    """A markdown fence longer than any run of backticks inside."""
    body = plain_text(text).rstrip("\n")
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{body}\n{ticks}"


def safe_markdown(text: str) -> str:
    """Markdown in which nothing runs and nothing is fetched. An open fence is closed."""
    blocks: list[str] = []
    prose: list[str] = []
    fence: tuple[str, str, str] | None = None
    code: list[str] = []
    for line in plain_text(text).split("\n"):
        found = _FENCE.match(line)
        if fence is None and found:
            fence, code = (found[1], found[2], found[3].strip()), []
            blocks, prose = [*blocks, *_prose(prose)], []
        elif fence is not None and found and not found[3].strip() and found[2].startswith(fence[1]):
            blocks, fence = [*blocks, _code(code, fence[2])], None
        elif fence is not None:
            code.append(line.removeprefix(fence[0]))
        else:
            prose.append(line)
    blocks += _prose(prose) if fence is None else [_code(code, fence[2])]
    return "\n\n".join(blocks)


def _code(lines: list[str], info: str) -> str:
    """A fence of its own, so that a renderer and this reader agree where it ends."""
    language = info if re.fullmatch(r"[\w+#.-]{0,30}", info) else ""
    return fenced("\n".join(lines), language)


def _prose(lines: list[str]) -> list[str]:
    text = "\n".join(lines).strip("\n")
    if not text.strip():
        return []
    text = _RUN.sub(rf"\1{_GAP}", _TAG.sub(f"<{_GAP}", text))
    text = text.replace("![", f"!{_GAP}[").replace("]:", f"]{_GAP}:")
    return [_LINK.sub(f"]{_GAP}", text)]
