"""What a person types after ``%codemad`` and ``%%codemad``, read into values.

A question may begin with the word of a subcommand ("fix the legend"), so only the exact form
of a subcommand is taken as one; everything else is a question. Knows nothing of the engine.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from typing import get_args

from codemad_jupyter.magics.subcommand_forms import Known, Subcommand, subcommand_in
from codemad_jupyter.magics.subcommand_texts import SUBCOMMANDS
from codemad_jupyter.protocol.commands import Intent
from codemad_jupyter.protocol.errors import UsageError

OPTIONS: dict[str, tuple[str, str, str]] = {
    "--model": ("-m", "NAME", "ask this model (provider/name) for this one question"),
    "--intent": ("-i", "INTENT", "what you want, where guessing goes wrong: answer, edit, fix, plan, test …"),
    "--variable": ("-v", "NAME", "point at a variable (may be repeated)"),
    "--file": ("-f", "PATH", "point at a file of the workspace (may be repeated)"),
    "--new": ("-n", "", "begin a fresh session first"),
}

INTENTS: tuple[Intent, ...] = get_args(Intent)
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


def read_line(line: str, known: Known | None = None) -> Ask | Subcommand:
    """Read what follows ``%codemad``. Raises `UsageError`."""
    text = line.strip()
    if not text:
        return Subcommand("help")
    options, rest, ended = _options(text)
    found = None if ended else subcommand_in(rest, known or Known())
    if found is not None and found.name == "sql" and found.word:
        found = replace(found, word=rest.removeprefix("sql").strip())  # spaces may be part of a text in it
    if found is None:
        if not ended:
            _refuse_typo(rest)
        return replace(options, text=_needed(rest))
    if found.name == "fix":
        return replace(options, text="Fix the last error.", intent="fix")
    if found.name in ("compact", "mode"):
        return replace(options, text=f"/{found.name} {found.word}".strip())
    if options != Ask(""):
        raise UsageError(
            f"{found.name} takes no options of a question.",
            hint=f"Usage: %codemad {SUBCOMMANDS[found.name][0]}",
        )
    return found


def read_cell(line: str, body: str) -> Ask | Subcommand:
    """Read a ``%%codemad`` cell: options (and perhaps a first sentence) on the line, the prompt below; or
    ``sql`` alone, and SQL below."""
    if line.strip() == "sql":
        return Subcommand("sql", body.strip())
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


def _refuse_typo(text: str) -> None:
    """A lone word (or one with a flag or a number behind it) that looks like a subcommand is no question."""
    words = text.split()
    if not words or words[0] in SUBCOMMANDS or words[0].startswith("/"):
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
    for form, text in SUBCOMMANDS.values():
        lines += [f"  {form:<26}{text}"] if len(form) < 26 else [f"  {form}", f"{'':<28}{text}"]
    return "\n".join(lines)
