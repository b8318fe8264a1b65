"""Writes the pages of docs/reference, their list, and the abilities in README.md from the code itself.

``python docs/make_reference.py`` writes them; ``--check`` only compares, and ends with 1 when one of
them is out of date.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from codemad_jupyter.batch.cli import parser
from codemad_jupyter.batch.subcommand import EXIT_CODES
from codemad_jupyter.config.providers import CARDS
from codemad_jupyter.config.settings import PREFIX, PROJECT_FILE, TIGHTENING, Settings
from codemad_jupyter.gateway.failures import Caller, failure_of
from codemad_jupyter.gateway.offline.intents import abilities
from codemad_jupyter.hooks import Specs
from codemad_jupyter.magics.arguments import OPTIONS
from codemad_jupyter.magics.subcommand_texts import SUBCOMMANDS
from codemad_jupyter.orchestrator import slash
from codemad_jupyter.protocol import errors as error_tree
from codemad_jupyter.protocol.commands import Command
from codemad_jupyter.protocol.errors import CodemadError, ProviderErrorKind
from codemad_jupyter.protocol.events import LIVE_ONLY, Event
from codemad_jupyter.tools.catalog import BUILT_IN
from codemad_jupyter.tools.team import TOOLS as TEAM_TOOLS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
MADE = "Made from the code by `python docs/make_reference.py`."
BEGIN, END = "<!-- abilities: generated -->", "<!-- end of abilities -->"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


class Page(NamedTuple):
    """A page of the reference: its file, title, what the list says of it, and its text."""

    file: str
    title: str
    about: str
    text: str


def pages() -> tuple[Page, ...]:
    """All of the reference."""
    commands, events = (
        table((kind, "fields", "meaning"), values(union))
        for kind, union in (("command", Command), ("event", Event))
    )
    return (
        Page(
            "command-line",
            "Command line",
            "every subcommand with its options, and exit codes",
            command_line(),
        ),
        Page(
            "magics", "Magics and slash commands", "`%codemad`, `%%codemad`, `/fix` and the others", magics()
        ),
        Page("settings", "Settings", "names, variables, defaults, and where each may stand", settings()),
        Page("errors", "Errors", "codes, what they mean, and what to do", errors()),
        Page("tools", "Tools", "what a model may call", table(("tool", "risk", "what it does"), tools())),
        Page("hooks", "Hooks", "what packages may add or hear", hooks()),
        Page("commands", "Commands", "what front ends tell the engine", commands),
        Page("events", "Events", "what the engine tells front ends", events),
        Page("assistant", "The built-in assistant", "what `codemad/offline` can do", abilities()),
    )


def listed(made: Iterable[Page]) -> str:
    """The page that leads to the others."""
    made = tuple(made)
    lines = "\n".join(f"- [{page.title}](reference/{page.file}.md): {page.about}" for page in made)
    tree = "\n".join(("```{toctree}", ":hidden:", *(f"reference/{page.file}" for page in made), "```"))
    return f"# Reference\n\n{MADE}\n\n{lines}\n\n{tree}\n"


def command_line() -> str:
    """Each subcommand, and each of its verbs, with options and their help."""
    parts = [f"## codemad {name}\n\n{options(sub)}" for name, sub in subcommands(parser())]
    lines = [line.split(maxsplit=1) for line in EXIT_CODES.splitlines()[1:]]
    codes = table(("exit code", "meaning"), ((f"`{code}`", text) for code, text in lines))
    return "\n\n".join([codes, *parts])


def subcommands(top: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The parsers below a parser."""
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def options(sub: argparse.ArgumentParser) -> str:
    """The arguments of a parser as a table, and those of its verbs."""
    rows = [
        (
            f"`{', '.join(action.option_strings) or action.metavar or action.dest}`",
            (action.help or "").replace("%%", "%"),
        )
        for action in sub._actions
        if not isinstance(action, argparse._SubParsersAction | argparse._HelpAction)
    ]
    own = table(("argument", "meaning"), rows) if rows else ""
    verbs = [f"### {verb.prog}\n\n{options(verb)}" for _, verb in subcommands(sub)]
    return "\n\n".join(part for part in (sentence(sub.description or ""), own, *verbs) if part)


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}." if text else ""


def magics() -> str:
    """Subcommands and options of the magics, and the words a prompt may begin with."""
    forms = [(f"`%codemad {form}`", text) for form, text in SUBCOMMANDS.values()]
    flags = [(f"`{name}`, `{short}` {value}".strip(), text) for name, (short, value, text) in OPTIONS.items()]
    words = [(f"`/{each.name} {each.usage}`".replace(" `", "`"), each.text) for each in slash.BUILT_IN]
    first = "`%codemad QUESTION` asks; `%%codemad [OPTIONS]` asks what stands in the cell."
    return "\n\n".join(
        (
            first,
            table(("form", "meaning"), forms),
            table(("option", "meaning"), flags),
            "## Slash commands\n\nA prompt may begin with one of these, wherever it is written.",
            table(("form", "meaning"), words),
        )
    )


def settings() -> str:
    """Each setting with its variable, default and form."""
    rows = [
        (f"`{name}`", f"`{PREFIX}{name.upper()}`", f"`{_default(field)}`", field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    variables = ", ".join(f"`{name}`" for card in CARDS.values() for name in card.variables)
    tight = ", ".join(f"`{name}`" for name in TIGHTENING)
    text = (
        "Defaults < your `config.toml` (in `codemad` of Jupyter's configuration folder, or"
        f" `CODEMAD_CONFIG`) < the project's `{PROJECT_FILE}` (once you trust the folder; it may only lower"
        f" {tight}) < environment < arguments. Values in tables have names with dots, and variables with two"
        f" underscores: `a.b` is `{PREFIX}A__B`. Keys come from the environment ({variables}), else from"
        " where `codemad keys set` put them."
    )
    return f"{text}\n\n{table(('setting', 'variable', 'default', 'meaning'), rows)}"


def _default(field: FieldInfo) -> object:
    """The default as one would write it; a table is empty."""
    default = field.get_default(call_default_factory=True)
    return default.model_dump(exclude_none=True) if isinstance(default, BaseModel) else default


def tools() -> Iterator[tuple[str, ...]]:
    """The built-in tools, and those that agents of a team have besides."""
    for tool in (*BUILT_IN, *TEAM_TOOLS):
        names = ", ".join(tool.arguments.model_fields)
        yield f"`{tool.name}({names})`", tool.risk, one_line(tool.description)


def values(union: Any) -> Iterator[tuple[str, ...]]:
    """The members of a tagged union, with their own fields."""
    for kind in get_args(get_args(union)[0]):
        name = kind.model_fields["type"].default
        own = [field for field in kind.__annotations__ if field != "type"]
        live = " Live only." if name in LIVE_ONLY and "Live only" not in (kind.__doc__ or "") else ""
        yield f"`{name}`", ", ".join(own), one_line(inspect.getdoc(kind) or kind.__name__) + live


def hooks() -> str:
    """The hooks with their signatures."""
    rows = [
        (
            f"`{name}{inspect.signature(hook)}`".replace("(self, ", "(").replace("(self)", "()"),
            one_line(hook.__doc__),
        )
        for name, hook in vars(Specs).items()
        if not name.startswith("_")
    ]
    first = (
        "Offer them under the entry-point group `codemad_jupyter`; mark each with"
        " `codemad_jupyter.hooks.hookimpl`."
    )
    return f"{first}\n\n{table(('hook', 'meaning'), rows)}"


def errors() -> str:
    """Our own errors, and the ways in which a call of a model fails."""
    said = dict(re.findall(r"(\w+) {2,}(\S.*)", error_tree.__doc__ or ""))
    own = [
        (f"`{kind.code}`", f"`{kind.__name__}`", said.get(kind.__name__) or one_line(kind.__doc__))
        for kind in kinds(CodemadError)
    ]
    caller = Caller(label="PROVIDER", model="MODEL", key_variable="PROVIDER_API_KEY", address="ADDRESS")
    failures = (failure_of(kind, caller) for kind in get_args(ProviderErrorKind) if kind != "not_recorded")
    calls = [(f"`{failure.kind}`", failure.text, failure.hint) for failure in failures]
    return "\n\n".join(
        (
            "Each error says what happened, where, and what to do next. Over HTTP it is"
            ' `{"error": {"code", "message", "hint"}}`; `code` stays the same from version to version.',
            table(("code", "class", "meaning"), own),
            "## When a model cannot be asked",
            table(("kind", "what is said", "what to do"), calls),
        )
    )


def kinds(top: type[CodemadError]) -> Iterator[type[CodemadError]]:
    """An error of the protocol with those below it."""
    if top.__module__ == error_tree.__name__:
        yield top
        for below in top.__subclasses__():
            yield from kinds(below)


def one_line(text: str | None) -> str:
    """A docstring on one line."""
    return " ".join((text or "").split())


def outputs() -> dict[Path, str]:
    """What each file ought to hold."""
    readme = README.read_text(encoding="utf-8")
    pattern = f"{re.escape(BEGIN)}.*{re.escape(END)}"
    made = pages()
    return {
        DOCS / "reference.md": listed(made),
        **{
            DOCS / "reference" / f"{page.file}.md": f"# {page.title}\n\n{MADE}\n\n{page.text}\n"
            for page in made
        },
        README: re.sub(pattern, lambda _: f"{BEGIN}\n{abilities()}\n{END}", readme, flags=re.DOTALL),
    }


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` name those that are out of date."""
    stale = {
        path: text
        for path, text in outputs().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    for path, text in stale.items():
        name = path.relative_to(ROOT)
        if "--check" in arguments:
            sys.stderr.write(f"{name} is out of date: run python docs/make_reference.py\n")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {name}\n")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
