"""What a prompt asks of a team: the pattern, how many, and the task. Pure, by its first words, else by the
sense of the task."""

import re
from typing import Literal, NamedTuple, get_args

from codemad_jupyter.protocol.errors import UsageError

Pattern = Literal["swarm", "hierarchy", "pipeline", "mesh"]
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)
FEW, MOST = 2, 6
USUAL = 3
STAGES = ("planner", "coder", "reviewer")
"""The roles of a pipeline that names none."""
MEMBERS = ("coder", "tester", "documenter", "coder", "coder", "coder")
"""The roles of a mesh that names none: the first of them, as many as are wanted."""
HINT = "Write /team [swarm 3 | hierarchy | pipeline coder,tester | mesh 2] WHAT."
_MANY_PARTS = re.compile(
    r"\b(each|every|all (?:the )?(?:modules|files|packages|notebooks)|split|divide|in parts|several)\b",
    re.IGNORECASE,
)
_ROLES = re.compile(r"[a-z][a-z0-9_-]*(?:,[a-z][a-z0-9_-]*)+")


class TeamAsked(NamedTuple):
    """What is wanted, and why it is this pattern. ``roles`` are those named, if any."""

    pattern: Pattern
    number: int
    roles: tuple[str, ...]
    task: str
    why: str


def read_team(text: str) -> TeamAsked:
    """What was asked for. Raises `UsageError` where there is no task or too many are wanted."""
    words = text.split()
    pattern: Pattern | None = None
    number, named = USUAL, tuple[str, ...]()
    if words and words[0].lower() in PATTERNS:
        pattern = next(each for each in PATTERNS if each == words[0].lower())
        words = words[1:]
        if words and words[0].isdecimal():
            number, words = int(words[0]), words[1:]
        elif words and pattern in ("pipeline", "mesh") and _ROLES.fullmatch(words[0]):
            named, words = tuple(words[0].split(",")), words[1:]
    if not words:
        raise UsageError("What is the team to do?", hint=HINT)
    number = len(named) or number
    if not FEW <= number <= MOST:
        raise UsageError(f"A team has {FEW} to {MOST} agents, not {number}.", hint=HINT)
    task = _rest(text, words)
    if pattern is not None:
        return TeamAsked(pattern, number, named, task, "chosen by the person")
    if found := _MANY_PARTS.search(task):
        return TeamAsked(
            "hierarchy", number, named, task, f"the words “{found[0].lower()}” name several pieces"
        )
    return TeamAsked("swarm", number, named, task, "one task: several try it, and the best is taken")


def _rest(text: str, words: list[str]) -> str:
    """The text from these words on, with its lines as they were written."""
    found = re.search(r"\s+".join(map(re.escape, words)) + r"\s*$", text)
    return found[0].strip() if found else " ".join(words)
