"""Cells as plain Python: IPython's magics, shell lines and help lines are blanked, every line stays in place.

Pure text work; code is neither parsed nor run, so cells that are being written are taken as they are.
"""

import re
from dataclasses import dataclass

PYTHON_CELLS = frozenset(["time", "timeit", "capture", "prun", "memit", "mprun", "lprun", "debug"])
"""Cell magics whose body is Python of the kernel."""
MAGIC = re.compile(r"\s*(?:%|!|\?|[,;/](?=\w))")
HELP = re.compile(r"\s*%{0,2}[\w.*]+\?{1,2}\s*$")
ASSIGNED = re.compile(r"(\s*[\w.,\s*\[\]]+?)\s*=\s*(?:![^=]|%\w)")
CELL_MAGIC = re.compile(r"\s*%%(\w+)")
ANYTHING = 'eval("")  # noqa'
"""A value that may be anything, for checkers of types."""
OPAQUE = re.compile(
    r"^\s*(?:%(?:run|load|loadpy|macro|pylab|store\s+-r|rerun|recall)\b|%?load_ext\b|from\s+\S+\s+import\s+\*)",
    re.MULTILINE,
)
OPENING, CLOSING = frozenset("([{"), frozenset(")]}")


def opaque(source: str) -> bool:
    """Whether the cell may define names that nobody sees in it."""
    return OPAQUE.search(source) is not None


def magic_words(source: str) -> set[str]:
    """The words in what is blanked: a shell line may use what nothing else uses."""
    lines = zip(source.split("\n"), plain(source).split("\n"), strict=True)
    return {word for line, left in lines if line != left for word in re.findall(r"\w+", line)}


def plain(source: str) -> str:
    """The cell without what only IPython understands; as many lines as before."""
    lines = source.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return source
    magic = CELL_MAGIC.match(lines[first])
    if magic is not None:
        if magic[1] not in PYTHON_CELLS:
            return "\n" * (len(lines) - 1)
        lines[first] = ""
    scanner = _Scanner()
    return "\n".join(scanner.taken(line) for line in lines)


@dataclass
class _Scanner:
    """Goes through lines and knows whether one begins a statement."""

    quote: str = ""
    depth: int = 0
    continued: bool = False
    blanking: bool = False

    def taken(self, line: str) -> str:
        if self.blanking:
            self.blanking = line.rstrip().endswith("\\")
            return ""
        if not self.quote and not self.depth and not self.continued:
            replaced = _replaced(line)
            if replaced is not None:
                self.blanking = line.rstrip().endswith("\\")
                return replaced
        self._scan(line)
        return line

    def _scan(self, line: str) -> None:
        at = 0
        while at < len(line):
            at = self._in_string(line, at) if self.quote else self._in_code(line, at)
        if len(self.quote) == 1 and not line.endswith("\\"):
            self.quote = ""  # a string that was never closed ends with its line
        self.continued = line.endswith("\\")

    def _in_string(self, line: str, at: int) -> int:
        if line[at] == "\\":
            return at + 2
        if line.startswith(self.quote, at):
            at += len(self.quote)
            self.quote = ""
            return at
        return at + 1

    def _in_code(self, line: str, at: int) -> int:
        letter = line[at]
        if letter == "#":
            return len(line)
        if letter in "\"'":
            self.quote = letter * 3 if line.startswith(letter * 3, at) else letter
            return at + len(self.quote)
        if letter in OPENING:
            self.depth += 1
        elif letter in CLOSING:
            self.depth = max(self.depth - 1, 0)
        return at + 1


def _replaced(line: str) -> str | None:
    indent = line[: len(line) - len(line.lstrip())]
    if MAGIC.match(line) or HELP.match(line):
        return f"{indent}pass" if indent else ""
    assigned = ASSIGNED.match(line)
    return f"{assigned[1]} = {ANYTHING}" if assigned else None
