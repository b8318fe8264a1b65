"""The subcommands about a notebook and its past: merge, verify, checkpoints, blame."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.subcommand import seconds, subcommand

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands


def add_merge(commands: Commands) -> None:
    """``codemad merge``."""
    from codemad_jupyter.app.merge_words import add_options

    merge = subcommand(commands, "merge", "resolve what git could not merge in a notebook, cell by cell")
    merge.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="the notebook with conflict markers")
    add_options(merge)
    merge.add_argument("--json", action="store_true", help="print the conflicts as JSON")
    merge.set_defaults(perform=_merge)


def add_verify(commands: Commands) -> None:
    """``codemad verify``."""
    text = "run a notebook again in a throw-away kernel, and say which cells fail or differ"
    verify = subcommand(commands, "verify", text, examples=("analysis.ipynb", "analysis.ipynb --timeout 60"))
    verify.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="the notebook; it is never changed")
    verify.add_argument(
        "--cells",
        nargs="+",
        default=[],
        metavar="ID",
        help="only these cells and those they need",
    )
    verify.add_argument("--timeout", type=seconds, metavar="S", help="seconds one cell may take")
    verify.add_argument("--json", action="store_true", help="print the report as JSON")
    verify.set_defaults(perform=_verify)


def add_check(commands: Commands) -> None:
    """``codemad check``."""
    text = "ask language servers (types and lint) what is wrong in files and notebooks, without running them"
    check = subcommand(commands, "check", text)
    check.add_argument(
        "paths",
        type=Path,
        nargs="*",
        default=[Path()],
        metavar="PATH",
        help="files, notebooks or folders (default: this folder)",
    )
    check.add_argument("--json", action="store_true", help="print the problems as JSON")
    check.set_defaults(perform=_check)


def add_checkpoints(commands: Commands) -> None:
    """``codemad checkpoints``."""
    from codemad_jupyter.app.timeline_words import add_verbs

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--root", type=Path, default=Path(), metavar="DIR", help="the folder (default: here)")
    common.add_argument("--json", action="store_true", help="print the answer as JSON")
    checkpoints = subcommand(
        commands,
        "checkpoints",
        "list, compare, restore, name and forget checkpoints",
        examples=("list", "diff 1", "restore 1"),
    )
    add_verbs(checkpoints, common=[common])
    checkpoints.set_defaults(perform=_checkpoints)


def add_blame(commands: Commands) -> None:
    """``codemad blame``."""
    blame = subcommand(commands, "blame", "say who made each cell of a notebook: you, or which run and model")
    blame.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="the notebook file")
    blame.add_argument("--json", action="store_true", help="print it as JSON")
    blame.set_defaults(perform=_blame)


def _merge(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.merging import merge

    return merge(args)


def _verify(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.verify import Order, verify

    cells = tuple(cell for word in args.cells for cell in word.split(",") if cell)
    return verify(Order(notebook=args.notebook, cells=cells, timeout=args.timeout, json=args.json))


def _check(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.check import Order, check

    return check(Order(paths=tuple(args.paths), json=args.json))


def _checkpoints(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.timeline import checkpoints
    from codemad_jupyter.protocol.errors import UsageError

    if args.verb is None:
        raise UsageError("What is to be done with checkpoints?", hint="See: codemad checkpoints --help")
    return checkpoints(args)


def _blame(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.timeline import blame

    return blame(args.notebook, as_json=args.json)
