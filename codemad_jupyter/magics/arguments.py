"""What a person types after ``%codemad`` and ``%%codemad``, read into values.

A question may begin with the word of a subcommand ("fix the legend"), so only the exact form
of a subcommand is taken as one; everything else is a question. Owns the usage texts; knows
nothing of the engine.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from codemad_jupyter.app.merge_words import options_text
from codemad_jupyter.app.timeline_words import VERBS, verbs_text
from codemad_jupyter.protocol.commands import Intent
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.privacy import DataLevel

Name = Literal[
    "apply",
    "reject",
    "undo",
    "redo",
    "checkpoints",
    "blame",
    "merge",
    "fix",
    "verify",
    "status",
    "models",
    "new",
    "context",
    "level",
    "help",
]

SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "apply": ("apply [EDIT] [--run]", "apply a proposed edit, or all that wait; --run also runs the cell"),
    "reject": ("reject [EDIT]", "reject a proposed edit, or all that wait"),
    "undo": ("undo", "bring files, notebook and conversation back to before the latest run"),
    "redo": ("redo", "bring back what the latest undo took away"),
    "checkpoints": (
        "checkpoints [VERB …]",
        "list them, or show, diff, restore, make, name, prune (see: help checkpoints)",
    ),
    "blame": ("blame", "who made each cell of this notebook: you, or which run and model"),
    "merge": (
        "merge [NOTEBOOK] […]",
        "a notebook with conflict markers: see the conflicts, choose sides (see: help merge)",
    ),
    "fix": ("fix", "look at the last error and propose a repair"),
    "verify": ("verify [--cells ID ...]", "run the notebook again elsewhere: which cells fail or differ"),
    "status": ("status", "what answers here: engine, model, session, edits that wait"),
    "models": ("models [use NAME]", "list the models, or choose one for this session"),
    "new": ("new", "begin a fresh session"),
    "context": ("context [PROMPT]", "what a question would send to the model, without sending it"),
    "level": ("level [LEVEL]", "how much of this notebook's data is sent: schema … images; or set it"),
    "help": ("help [SUBCOMMAND]", "this text, or the usage of one subcommand"),
}

OPTIONS: dict[str, tuple[str, str, str]] = {
    "--model": ("-m", "NAME", "ask this model (provider/name) for this one question"),
    "--intent": ("-i", "INTENT", "auto, answer, edit or fix: what you want, where guessing goes wrong"),
    "--variable": ("-v", "NAME", "point at a variable (may be repeated)"),
    "--file": ("-f", "PATH", "point at a file of the workspace (may be repeated)"),
    "--new": ("-n", "", "begin a fresh session first"),
}

INTENTS: tuple[Intent, ...] = ("auto", "answer", "edit", "fix")
LEVELS: tuple[DataLevel, ...] = get_args(DataLevel)
_WORD = re.compile(r"\s*(\"[^\"]*\"|'[^']*'|\S+)")


@dataclass(frozen=True)
class Ask:
    """A question with its options."""

    text: str
    model: str | None = None
    intent: Intent = "auto"
    variables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    new: bool = False


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


def read_line(line: str, known: Known | None = None) -> Ask | Subcommand:
    """Read what follows ``%codemad``. Raises `UsageError`."""
    text = line.strip()
    if not text:
        return Subcommand("help")
    options, rest, ended = _options(text)
    found = None if ended else _subcommand(rest, known or Known())
    if found is None:
        if not ended:
            _refuse_typo(rest)
        return replace(options, text=_needed(rest))
    if found.name == "fix":
        return replace(options, text="Fix the last error.", intent="fix")
    if options != Ask(""):
        raise UsageError(
            f"{found.name} takes no options of a question.",
            hint=f"Usage: %codemad {SUBCOMMANDS[found.name][0]}",
        )
    return found


def read_cell(line: str, body: str) -> Ask:
    """Read a ``%%codemad`` cell: options (and perhaps a first sentence) on the line, the prompt below."""
    options, rest, _ = _options(line.strip())
    return replace(options, text=_needed(f"{rest}\n{body}".strip()))


def _needed(text: str) -> str:
    if not text:
        raise UsageError(
            "Nothing was asked.", hint="Write the question after the options, or below %%codemad."
        )
    return text


def _options(text: str) -> tuple[Ask, str, bool]:
    """The leading options, the rest as it was typed, and whether ``--`` ended the options."""
    ask, rest = Ask(""), text
    while match := _WORD.match(rest):
        word = match[1]
        if word == "--":
            return ask, rest[match.end() :].strip(), True
        if not re.match(r"--?[A-Za-z]", word):
            break
        name, joined, value = word.partition("=")
        option = _option_name(name)
        rest = rest[match.end() :]
        if OPTIONS[option][1] and not joined:
            value, rest = _value(option, rest)
        elif joined and not OPTIONS[option][1]:
            raise UsageError(f"{option} takes no value.", hint=usage())
        ask = _with(ask, option, value)
    return ask, rest.strip(), False


def _option_name(word: str) -> str:
    for name, (short, _, _) in OPTIONS.items():
        if word in (name, short):
            return name
    near = difflib.get_close_matches(word, list(OPTIONS), n=2, cutoff=0.5)
    guess = f"Did you mean {' or '.join(near)}? " if near else ""
    raise UsageError(f"Unknown option {word}. {guess}".strip(), hint=usage())


def _value(option: str, rest: str) -> tuple[str, str]:
    match = _WORD.match(rest)
    if match is None:
        raise UsageError(f"{option} needs a value: {option} {OPTIONS[option][1]}.", hint=usage())
    return match[1].strip("\"'"), rest[match.end() :]


def _with(ask: Ask, option: str, value: str) -> Ask:
    if option == "--model":
        return replace(ask, model=value)
    if option == "--variable":
        return replace(ask, variables=(*ask.variables, value))
    if option == "--file":
        return replace(ask, files=(*ask.files, value))
    if option == "--new":
        return replace(ask, new=True)
    for intent in INTENTS:
        if value == intent:
            return replace(ask, intent=intent)
    raise UsageError(f"Unknown intent {value!r}.", hint=f"It is one of {', '.join(INTENTS)}.")


def _subcommand(text: str, known: Known) -> Subcommand | None:
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
    "merge": _merge,
    "fix": _plain("fix"),
    "verify": _verify,
    "status": _plain("status"),
    "models": _models,
    "new": _plain("new"),
    "context": _context,
    "level": _level,
    "help": _help,
}


def _refuse_typo(text: str) -> None:
    """A lone word (or one with a flag or a number behind it) that looks like a subcommand is no question."""
    words = text.split()
    if not words or words[0] in SUBCOMMANDS:
        return
    if any(not (word.startswith("--") or word.isdecimal()) for word in words[1:]):
        return
    near = difflib.get_close_matches(words[0], list(SUBCOMMANDS), n=2, cutoff=0.7)
    if near:
        raise UsageError(
            f"Unknown subcommand {words[0]}. Did you mean {' or '.join(near)}?",
            hint=f"To ask it as a question, write %codemad -- {text}\n{usage()}",
        )


def usage() -> str:
    """Every form, option and subcommand, as plain text."""
    lines = ["Usage:", "  %codemad [options] QUESTION", "  %codemad SUBCOMMAND"]
    lines += ["  %%codemad [options]   (the question is the rest of the cell)", "", "Options (first):"]
    for name, (short, value, text) in OPTIONS.items():
        lines.append(f"  {f'{short}, {name} {value}'.strip():<26}{text}")
    lines += [f"  {'--':<26}end of the options: what follows is the question", "", "Subcommands:"]
    lines += [f"  {form:<26}{text}" for form, text in SUBCOMMANDS.values()]
    return "\n".join(lines)


def usage_of(name: str) -> str:
    """The usage of one subcommand."""
    form, text = SUBCOMMANDS[name]
    more = {"checkpoints": verbs_text, "merge": options_text}.get(name, str)()
    return f"Usage: %codemad {form}\n  {text}\n{more}".rstrip()
