"""Text for terminals and exports: no escape sequence, no control character reaches the reader."""

from __future__ import annotations

import re

_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|[PX^_].*?(?:\x1b\\|$)"
    r"|[@-Z\\-_])"
)
_COMPLETE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[@-OQ-WYZ\\])"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def plain_text(text: str) -> str:
    """Without escape sequences; other control characters are shown. Line ends and tabs stay."""
    text = _ANSI.sub("", text.replace("\r\n", "\n"))
    return _CONTROL.sub(_visible, text)


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] == "\r":
        return "\n"
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def one_line(text: str, limit: int = 200) -> str:
    """All of it on one line, cut where it is long."""
    joined = " ".join(plain_text(text).split())
    return joined if len(joined) <= limit else f"{joined[: limit - 1]}…"


class PlainStream:
    """Plain text out of text that comes in pieces: a sequence that is cut in two is still taken out."""

    LONGEST = 4_096
    """Characters after which a sequence that does not end is shown as what it is."""

    def __init__(self) -> None:
        self._held = ""

    def add(self, text: str) -> str:
        """What can be shown by now."""
        rest, shown = self._held + text, ""
        while (start := rest.find("\x1b")) >= 0:
            shown, rest = shown + plain_text(rest[:start]), rest[start:]
            whole = _COMPLETE.match(rest)
            if whole is None and len(rest) <= self.LONGEST:
                self._held = rest
                return shown
            end = whole.end() if whole else len(rest)
            shown, rest = shown + plain_text(rest[:end]), rest[end:]
        self._held = "\r" if rest.endswith("\r") else ""
        return shown + plain_text(rest.removesuffix("\r"))

    def finish(self) -> str:
        """What was held back."""
        held, self._held = self._held, ""
        return plain_text(held)
