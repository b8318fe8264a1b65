"""Masks text that comes in pieces: a secret that is cut in two is still found.

A line is masked as a whole, again with every word that is complete. What has been given out stays as it
is: where masking more of the line would change it, the rest of the line waits for its end.
"""

from collections.abc import Iterator

from codemad_jupyter.config.redaction import Redactor

LONGEST_LINE = 4_000
"""Characters after which a line without an end is given out."""
LONGEST_KEY = 70_000
_BEGIN, _END = "-----BEGIN", "-----END"


class StreamMask:
    """One text on its way."""

    def __init__(self, redact: Redactor) -> None:
        self._redact = redact
        self._line = ""
        self._given = ""

    def add(self, text: str) -> Iterator[str]:
        """What can be shown by now."""
        self._line += text
        if _BEGIN in self._line and len(self._line) < LONGEST_KEY:
            key = self._line.partition(_BEGIN)[2]
            if _END not in key or "\n" not in key.partition(_END)[2]:
                return  # a key of several lines: shown when it is over
        end = self._line.rfind("\n") + 1
        if end:
            done, self._line = self._line[:end], self._line[end:]
            yield from self._give(done, last=True)
            self._given = ""
        if len(self._line) > LONGEST_LINE and _BEGIN not in self._line:
            yield from self.rest()
            return
        complete = self._line[: _word_end(self._line)]
        yield from self._give(complete[: self._redact.begun(complete)], last=False)

    def rest(self) -> Iterator[str]:
        """What was held back."""
        line, self._line = self._line, ""
        yield from self._give(line, last=True)
        self._given = ""

    def _give(self, text: str, *, last: bool) -> Iterator[str]:
        masked = self._redact(text)
        if masked.startswith(self._given):
            new = masked[len(self._given) :]
        elif last:
            new = masked[_common(masked, self._given) :]
        else:
            return
        if new:
            self._given += new
            yield new


def _word_end(line: str) -> int:
    """Where the last complete word ends, with the space behind it."""
    return max(line.rfind(" "), line.rfind("\t")) + 1


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
