"""The exact forms of the subcommands of ``%codemad``: what in a line is one, and what is a question."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import get_args

from codemad_jupyter.app.agents_words import VERBS as AGENT_VERBS
from codemad_jupyter.app.memory_words import MEMORY_VERBS
from codemad_jupyter.app.plan_words import PLAN_VERBS
from codemad_jupyter.app.session_words import NEEDING, SESSION_VERBS
from codemad_jupyter.app.timeline_words import VERBS
from codemad_jupyter.magics.subcommand_texts import SUBCOMMANDS, Name
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.permissions import STRICTEST_FIRST
from codemad_jupyter.protocol.privacy import DataLevel

SQL_BEGINS = ("select", "with", "from", "describe", "show", "summarize", "explain", "values")
LEVELS: tuple[DataLevel, ...] = get_args(DataLevel)


@dataclass(frozen=True)
class Subcommand:
    """A subcommand in its exact form; ``word`` is its argument, if it has one."""

    name: Name
    word: str = ""
    run: bool = False
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """What an argument may name right now: the labels of edits (ids and numbers)."""

    edits: Collection[str] = field(default_factory=tuple)


def subcommand_in(text: str, known: Known) -> Subcommand | None:
    """The subcommand that the text is in its exact form; None where it is a question."""
    words = text.split()
    form = _FORMS.get(words[0]) if words and "\n" not in text else None
    return form(words[1:], known) if form else None


def _plain(name: Name) -> Callable[[list[str], Known], Subcommand | None]:
    return lambda words, known: None if words else Subcommand(name)


def _settle(name: Name) -> Callable[[list[str], Known], Subcommand | None]:
    def form(words: list[str], known: Known) -> Subcommand | None:
        flags = [word for word in words if word.startswith("--")]
        names = [word for word in words if not word.startswith("--")]
        if len(names) > 1 or (names and not _names_edit(names[0], known)):
            return None
        unknown = [flag for flag in flags if flag != "--run" or name != "apply"]
        if unknown:
            raise UsageError(
                f"Unknown option {unknown[0]} of {name}.", hint=f"Usage: %codemad {SUBCOMMANDS[name][0]}"
            )
        return Subcommand(name, "" if names in ([], ["all"]) else names[0], run=bool(flags))

    return form


def _names_edit(word: str, known: Known) -> bool:
    return word == "all" or word.isdecimal() or word in known.edits


def _models(words: list[str], known: Known) -> Subcommand | None:
    if not words:
        return Subcommand("models")
    if words[0] == "use" and len(words) == 2:
        return Subcommand("models", words[1])
    if words == ["use"]:
        raise UsageError("models use needs a name.", hint="Usage: %codemad models use provider/name")
    return None


def _verify(words: list[str], known: Known) -> Subcommand | None:
    if not words:
        return Subcommand("verify")
    return Subcommand("verify", " ".join(words[1:])) if words[0] == "--cells" and words[1:] else None


def _checkpoints(words: list[str], known: Known) -> Subcommand | None:
    return Subcommand("checkpoints", words=tuple(words)) if not words or words[0] in VERBS else None


def _agents(words: list[str], known: Known) -> Subcommand | None:
    return Subcommand("agents", words=_unquoted(words)) if not words or words[0] in AGENT_VERBS else None


def _memory(words: list[str], known: Known) -> Subcommand | None:
    given = Subcommand("memory", words=_unquoted(words))
    return given if not words or words[0] in MEMORY_VERBS else None


def _plan(words: list[str], known: Known) -> Subcommand | None:
    given = Subcommand("plan", words=_unquoted(words))
    return given if not words or words[0] in PLAN_VERBS else None


def _sessions(words: list[str], known: Known) -> Subcommand | None:
    found = not words or (words[0] in SESSION_VERBS and (len(words) > 1 or words[0] not in NEEDING))
    return Subcommand("sessions", words=_unquoted(words)) if found else None


def _sql(words: list[str], known: Known) -> Subcommand | None:
    """The tables, or what begins as SQL does; anything else is a question, such as "sql or pandas?"."""
    begins = not words or words[0].lower() in SQL_BEGINS
    return Subcommand("sql", " ".join(words)) if begins else None


def _unquoted(words: list[str]) -> tuple[str, ...]:
    """The words with quotes read as a shell reads them, unless they are those of a sentence."""
    try:
        return tuple(shlex.split(" ".join(words)))
    except ValueError:
        return tuple(words)


def _merge(words: list[str], known: Known) -> Subcommand | None:
    """Options, and before, between or after them at most one word, which names a notebook."""
    try:
        given = shlex.split(" ".join(words))
    except ValueError:  # an apostrophe of a sentence
        return None
    follows = {"--take", "--choose"}
    names = [
        word
        for before, word in zip(["", *given], given, strict=False)
        if not word.startswith("--") and before not in follows
    ]
    if len(names) > 1 or any(not name.endswith(".ipynb") for name in names):
        return None
    return Subcommand("merge", words=tuple(given))


def _context(words: list[str], known: Known) -> Subcommand | None:
    return Subcommand("context", " ".join(words))


def _level(words: list[str], known: Known) -> Subcommand | None:
    if len(words) > 1:
        return None
    if words and words[0] not in LEVELS:
        raise UsageError(f"There is no data level {words[0]!r}.", hint=f"Levels: {', '.join(LEVELS)}.")
    return Subcommand("level", "".join(words))


def _mode(words: list[str], known: Known) -> Subcommand | None:
    """A mode is named exactly; "mode of the prices" is a question."""
    if len(words) > 1:
        return None
    if words and words[0] not in STRICTEST_FIRST:
        raise UsageError(f"There is no mode {words[0]!r}.", hint=f"Modes: {', '.join(STRICTEST_FIRST)}.")
    return Subcommand("mode", "".join(words))


def _trust(words: list[str], known: Known) -> Subcommand | None:
    if len(words) > 1 or words not in ([], ["--show"], ["--revoke"]):
        return None
    return Subcommand("trust", "".join(words))


def _permissions(words: list[str], known: Known) -> Subcommand | None:
    """A digest, or a command line; anything else is a question."""
    given = _unquoted(words)
    fits = not words or (words[0] == "revoke" and len(words) == 2) or (words[0] == "test" and len(given) > 1)
    return Subcommand("permissions", words=given) if fits else None


def _cassette(name: Name) -> Callable[[list[str], Known], Subcommand | None]:
    """A file, or one of two words; anything else is a question, such as "record the mean"."""

    def form(words: list[str], known: Known) -> Subcommand | None:
        names = [word for word in words if word != "--or-ask"]
        if len(names) != 1 or not (names[0] in ("auto", "off") or names[0].endswith(".jsonl")):
            return None
        if len(words) > 1 and (name != "replay" or len(words) > 2):
            return None
        return Subcommand(name, names[0], words=tuple(words))

    return form


def _help(words: list[str], known: Known) -> Subcommand | None:
    if not words:
        return Subcommand("help")
    return Subcommand("help", words[0]) if len(words) == 1 and words[0] in SUBCOMMANDS else None


_FORMS: dict[str, Callable[[list[str], Known], Subcommand | None]] = {
    "apply": _settle("apply"),
    "reject": _settle("reject"),
    "undo": _plain("undo"),
    "redo": _plain("redo"),
    "checkpoints": _checkpoints,
    "blame": _plain("blame"),
    "agents": _agents,
    "merge": _merge,
    "fix": _plain("fix"),
    "plan": _plan,
    "compact": _plain("compact"),
    "verify": _verify,
    "status": _plain("status"),
    "index": _plain("index"),
    "models": _models,
    "new": _plain("new"),
    "context": _context,
    "level": _level,
    "mode": _mode,
    "trust": _trust,
    "permissions": _permissions,
    "record": _cassette("record"),
    "replay": _cassette("replay"),
    "memory": _memory,
    "sessions": _sessions,
    "sql": _sql,
    "attach": _plain("attach"),
    "help": _help,
}
