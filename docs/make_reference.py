"""Writes docs/reference.md and the list of abilities in README.md from the code itself.

``python docs/make_reference.py`` writes both; ``--check`` only compares, and ends with 1 when one of
them is out of date.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from codemad_jupyter.batch.cli import parser
from codemad_jupyter.config.providers import CARDS
from codemad_jupyter.config.settings import PREFIX, PROJECT_FILE, TIGHTENING, Settings
from codemad_jupyter.gateway.offline.intents import abilities
from codemad_jupyter.hooks import Specs
from codemad_jupyter.magics.arguments import OPTIONS
from codemad_jupyter.magics.subcommand_texts import SUBCOMMANDS
from codemad_jupyter.protocol.commands import Command
from codemad_jupyter.protocol.events import LIVE_ONLY, Event
from codemad_jupyter.tools.catalog import BUILT_IN
from codemad_jupyter.tools.team import TOOLS as TEAM_TOOLS

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- abilities: generated -->", "<!-- end of abilities -->"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def reference() -> str:
    """The whole page."""
    parts = (
        ("Command line", command_line()),
        ("Magics", magics()),
        ("Settings", settings()),
        ("Tools", table(("tool", "risk", "what it does"), tools())),
        ("Commands", table(("command", "fields", "meaning"), values(Command))),
        ("Events", table(("event", "fields", "meaning"), values(Event))),
        ("Hooks", hooks()),
        ("What the built-in assistant can do", abilities()),
    )
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in parts)
    return f"# Reference\n\nMade from the code by `python docs/make_reference.py`.\n\n{body}\n"


def command_line() -> str:
    """Each subcommand with its options and their help."""
    return "\n\n".join(f"### codemad {name}\n\n{options(sub)}" for name, sub in subcommands(parser()))


def subcommands(top: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The parsers below a parser."""
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def options(sub: argparse.ArgumentParser) -> str:
    """The arguments of a parser as a table."""
    rows = [
        (
            f"`{', '.join(action.option_strings) or action.metavar or action.dest}`",
            (action.help or "").replace("%%", "%"),
        )
        for action in sub._actions
    ]
    return f"{sub.description}\n\n{table(('argument', 'meaning'), rows)}"


def magics() -> str:
    """Subcommands and options of the magics."""
    forms = [(f"`%codemad {form}`", text) for form, text in SUBCOMMANDS.values()]
    flags = [(f"`{name}`, `{short}` {value}".strip(), text) for name, (short, value, text) in OPTIONS.items()]
    first = "`%codemad QUESTION` asks; `%%codemad [OPTIONS]` asks what stands in the cell."
    return f"{first}\n\n{table(('form', 'meaning'), forms)}\n\n{table(('option', 'meaning'), flags)}"


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


def one_line(text: str | None) -> str:
    """A docstring on one line."""
    return " ".join((text or "").split())


def outputs() -> dict[Path, str]:
    """What each file ought to hold."""
    readme = README.read_text(encoding="utf-8")
    listed = f"{BEGIN}\n{abilities()}\n{END}"
    pattern = f"{re.escape(BEGIN)}.*{re.escape(END)}"
    return {
        REFERENCE: reference(),
        README: re.sub(pattern, lambda _: listed, readme, flags=re.DOTALL),
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
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {name}\n")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
