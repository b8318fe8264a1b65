"""Cassettes on the command line: ``--record``, ``--replay``, ``--replay-or-ask``, and ``codemad record``.

Reads the choice, looks at the file before anything is started, and hands it on as settings or as the
environment of a kernel. What a cassette is and does is the gateway's.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.batch.subcommand import seconds, subcommand
from codemad_jupyter.protocol.wording import counted

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands
    from codemad_jupyter.gateway.cassette import Cassette

MODES = ("record", "replay", "replay_or_ask")


@dataclass(frozen=True)
class CassetteChoice:
    """What is done with which cassette; the path is absolute."""

    mode: str
    path: Path

    @property
    def settings(self) -> dict[str, Any]:
        """As settings."""
        return {"cassette": self.path, "cassette_mode": self.mode}

    @property
    def environment(self) -> dict[str, str]:
        """As variables for a kernel."""
        return {f"CODEMAD_{name.upper()}": str(value) for name, value in self.settings.items()}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The three options; one of them at most."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--record",
        metavar="FILE",
        help="record the models' answers in this cassette; auto: beside the notebook",
    )
    group.add_argument(
        "--replay",
        metavar="FILE",
        help="give the answers of this cassette and ask no model; auto: the one beside the notebook",
    )
    group.add_argument(
        "--replay-or-ask",
        metavar="FILE",
        help="the same, but ask the model for what is not recorded, say so, and record it",
    )


def chosen(args: argparse.Namespace, notebook: Path | None) -> CassetteChoice | None:
    """What the options say. Raises `UsageError` for a cassette that cannot be used."""
    for mode in MODES:
        given = getattr(args, mode)
        if given is not None:
            path = _path(given, notebook)
            _check(path, mode)
            return CassetteChoice(mode, path)
    return None


def _path(given: str, notebook: Path | None) -> Path:
    from codemad_jupyter.gateway.tapes import AUTO, beside
    from codemad_jupyter.protocol.errors import UsageError

    if given != AUTO:
        return Path(given).expanduser().absolute()
    if notebook is None:
        raise UsageError("auto names the cassette beside a notebook.", hint="Name a notebook, or a file.")
    return beside(notebook.absolute())


def _check(path: Path, mode: str) -> None:
    """Look at the file once, before a kernel is started for it."""
    from codemad_jupyter.protocol.errors import UsageError

    if not path.parent.is_dir():
        raise UsageError(f"The folder {path.parent} does not exist.", hint="Make it, or name another file.")
    if path.is_dir() or (mode != "replay" and not path.exists()):
        return
    opened(path)


def opened(path: Path) -> Cassette:
    """The cassette, looked into once. Raises `UsageError` where there is none."""
    from codemad_jupyter.gateway.cassette import Cassette
    from codemad_jupyter.protocol.errors import CodemadError, UsageError

    cassette = Cassette(path)
    try:
        calls = len(cassette)
    except CodemadError as error:
        raise UsageError(error.message, hint=error.hint) from error
    if not calls and not cassette.header and path.stat().st_size:
        raise UsageError(f"{path} is no cassette.", hint="Name a file that codemad record made.")
    return cassette


def add_record(commands: Commands) -> None:
    """``codemad record``."""
    text = "run a notebook and record the models' answers in a cassette, to be replayed without a key"
    record = subcommand(commands, "record", text, examples=("analysis.ipynb --cassette answers.jsonl",))
    record.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="the notebook; it is never changed")
    record.add_argument(
        "--cassette", default="auto", metavar="FILE", help="the cassette (default: beside the notebook)"
    )
    record.add_argument("-o", "--output", type=Path, metavar="FILE", help="keep the executed notebook here")
    for flags, form in ((("-p", "--parameter"), "NAME=VALUE"), (("-r", "--raw"), "NAME=TEXT")):
        record.add_argument(*flags, action="append", default=[], metavar=form, help="as codemad run takes it")
    record.add_argument("--kernel", metavar="NAME", help="the kernel (default: the one the notebook names)")
    record.add_argument("--timeout", type=seconds, metavar="S", help="seconds one cell may take")
    record.add_argument("--cwd", type=Path, metavar="DIR", help="the working folder (default: this one)")
    record.add_argument("--policy", choices=("propose", "auto", "off"), help="as codemad run takes it")
    record.add_argument("--model", metavar="PROVIDER/NAME", help="the model %%%%codemad cells ask")
    record.add_argument("--progress", action="store_true", help="name each cell on stderr as it is run")
    record.set_defaults(perform=_record)


def _record(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.parameters import read_parameters
    from codemad_jupyter.batch.preparing import Order
    from codemad_jupyter.batch.runner import run
    from codemad_jupyter.gateway.cassette import Cassette

    path = _path(args.cassette, args.notebook)
    _check(path, "record")
    with contextlib.ExitStack() as stack:
        folder = None if args.output else stack.enter_context(tempfile.TemporaryDirectory())
        order = Order(
            notebook=args.notebook,
            output=args.output or Path(str(folder)) / "executed.ipynb",
            parameters=read_parameters(args.parameter, args.raw),
            kernel=args.kernel,
            timeout=args.timeout,
            cwd=args.cwd,
            policy=args.policy,
            model=args.model,
            progress=args.progress,
            cassette=CassetteChoice("record", path),
        )
        code = run(order)
    calls = len(Cassette(path)) if path.exists() else 0
    print(f"{path}: {counted(calls, 'call')} recorded.")
    return code
