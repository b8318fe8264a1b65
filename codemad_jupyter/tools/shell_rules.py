"""What rules say about a command line: each simple command in it is decided by itself."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codemad_jupyter.protocol.permissions import Rule
from codemad_jupyter.tools.command_line import Line, Simple, read_line
from codemad_jupyter.tools.path_rules import fits, gives_rights, place_of
from codemad_jupyter.tools.wrappers import INLINE, INTERPRETER, Unwrapped, name_of, unwrap

HARMLESS_TARGETS = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr"})
_MOVES = ("cd",)
_MARK = re.compile("[=:@,](?!//)")
_CLINGING = re.compile(r"-[A-Za-z]+?((?:\.\.)?[/~].*|\.\.)", re.DOTALL)
_CODE_FROM_INPUT = ("-", "/dev/stdin")


@dataclass(frozen=True)
class Reading:
    """A command line, read and unwrapped."""

    line: Line
    parts: tuple[Unwrapped, ...]

    @property
    def unclear(self) -> tuple[str, ...]:
        """What could not be understood."""
        return (*self.line.unclear, *(each for part in self.parts for each in part.unclear))

    @property
    def texts(self) -> tuple[str, ...]:
        """The simple commands, as a person reads them."""
        return tuple(command.text for command in self.line.commands)

    @property
    def every(self) -> tuple[Simple, ...]:
        """Every command that runs, wrappers and wrapped ones."""
        return tuple(command for part in self.parts for command in part.chain)


def read(text: str, *, folder: str = "") -> Reading:
    """Read a command line that begins in this folder below the root."""
    line = read_line(text, folder=folder)
    return Reading(line, tuple(unwrap(command) for command in line.commands))


def bars(rule: Rule, reading: Reading, root: Path) -> bool:
    """Does a rule that asks or denies concern anything in the line? What it names must fit one command."""
    return any(_barred(rule, command, root) for command in reading.every)


def suspects(rule: Rule, reading: Reading) -> bool:
    """Might the rule concern the line, so that a person should look? Words that are not known, or the
    command of the rule further back in a line whose wrapper nobody knows."""
    if not rule.command:
        return bool(rule.path) and any(not command.sure for command in reading.every)
    if reading.unclear or any(not command.sure for command in reading.every):
        return True
    first = rule.command[0]
    return any(name_of(word) == name_of(first) for each in reading.every for word in each.argv[1:])


def grants(rules: Sequence[Rule], reading: Reading, root: Path) -> Rule | None:
    """The rule that allows the last command, where each one in the line is allowed; else None."""
    if reading.unclear or not reading.parts:
        return None
    found: Rule | None = None
    for part in reading.parts:
        granted = _granted(rules, part, root)
        if granted is None and not _harmless_move(part.chain[0], root):
            return None
        found = granted or found
    return found


def reaches_control(reading: Reading, root: Path) -> bool:
    """Does the line write to a file that gives rights, as far as its words tell?"""
    return any(
        gives_rights(root, _at(command, target)) for command in reading.every for target in command.writes
    )


def _barred(rule: Rule, command: Simple, root: Path) -> bool:
    if rule.command and not _begins(rule.command, command.argv, strict=False):
        return False
    if not rule.path:
        return True
    return any(fits(rule.path, place_of(root, each), strict=False) for each in _files(command))


def _granted(rules: Sequence[Rule], part: Unwrapped, root: Path) -> Rule | None:
    command = part.chain[-1] if part.plain else part.chain[0]
    known = all(each.sure and not each.assigns for each in part.chain)
    writes = [each for command in part.chain for each in command.writes if each not in HARMLESS_TARGETS]
    if not known or writes or command.folder is None or _leads_out(command, root):
        return None
    if command.fed and _runs_given_code(command):
        return None  # nobody knows what it will read
    whole = not part.plain or _runs_given_code(command)
    return next((rule for rule in rules if _allows(rule, command, root, whole=whole)), None)


def _allows(rule: Rule, command: Simple, root: Path, *, whole: bool) -> bool:
    if not rule.command or not _begins(rule.command, command.argv, strict=True):
        return False
    if whole and len(rule.command) != len(command.argv):
        return False
    unnamed = replace(command, argv=("", *command.argv[len(rule.command) :]))
    places = [place_of(root, each) for each in _files(unnamed)]
    if rule.path:
        return all(fits(rule.path, each, strict=True) for each in places)
    return not any(place.outside for place in places)


def _begins(words: Sequence[str], argv: Sequence[str], *, strict: bool) -> bool:
    """Are these the first words? What forbids takes a program by its name, wherever it lies."""
    if len(argv) < len(words):
        return False
    pairs = list(zip(words, argv, strict=False))
    if strict:
        return all(word in ("*", given) for word, given in pairs)
    first = name_of(pairs[0][1]) == name_of(pairs[0][0]) or pairs[0][0] == "*"
    return first and all(word in ("*", given) for word, given in pairs[1:])


def _runs_given_code(command: Simple) -> bool:
    """An interpreter with code in its words or from its input: a rule about its name says nothing of that."""
    if not INTERPRETER.fullmatch(name_of(command.argv[0])):
        return False
    inline = any(word in INLINE or (word[:2] in INLINE and len(word) > 2) for word in command.argv[1:])
    scripts = [word for word in command.argv[1:] if not word.startswith("-") or word == "-"]
    return inline or not scripts or scripts[0] in _CODE_FROM_INPUT


def _harmless_move(command: Simple, root: Path) -> bool:
    move = command.sure and len(command.argv) > 0 and command.argv[0] in _MOVES and not command.assigns
    return move and not command.writes and not any(place_of(root, each).outside for each in _files(command))


def _leads_out(command: Simple, root: Path) -> bool:
    return bool(command.folder) and place_of(root, command.folder or "").outside


def _files(command: Simple) -> Iterable[str]:
    """Every word that may name a file, from where the command runs."""
    targets = (each for each in (*command.writes, *command.reads) if each not in HARMLESS_TARGETS)
    for word in (*command.argv[1:], *targets):
        yield from (_at(command, form) for form in {word, *_joined(word)} if not form.startswith("-"))


def _joined(word: str) -> Iterator[str]:
    """The parts of a word that may name a file: behind a mark, and what clings to options (`-o/etc/x`)."""
    yield from (word[found.end() :] for found in _MARK.finditer(word) if word[found.end() :])
    clinging = _CLINGING.fullmatch(word)
    if clinging:
        yield clinging[1]
        yield word[2:]


def _at(command: Simple, word: str) -> str:
    if not command.folder or word.startswith(("/", "~")):
        return word
    return os.path.join(command.folder, word)  # noqa: PTH118 - a word that may name nothing


def shortened(reading: Reading, most: int = 20) -> tuple[str, ...]:
    """The commands for a card."""
    texts = [text if len(text) <= 300 else f"{text[:299]}…" for text in reading.texts]
    more = len(texts) - most
    return (*texts[:most], *([f"… and {more} more"] if more > 0 else []))
