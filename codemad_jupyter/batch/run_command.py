"""``codemad run``: its options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.cassettes import add_options, chosen
from codemad_jupyter.batch.run_options import POLICIES, REPAIRS
from codemad_jupyter.batch.settings_commands import add_trust_option, trust_for_this_run
from codemad_jupyter.batch.subcommand import amount, count, seconds, subcommand

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands


def add_run(commands: Commands) -> None:
    """``codemad run``."""
    run = subcommand(
        commands,
        "run",
        "execute a notebook and write it, with its outputs, to another file",
        examples=(
            "report.ipynb -o south.ipynb -p region=south",
            "broken.ipynb -o mended.ipynb --repair repair --report mended.html",
        ),
    )
    run.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="the notebook; it is never changed")
    run.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="where the executed notebook goes"
    )
    _add_parameters(run)
    run.add_argument("--kernel", metavar="NAME", help="the kernel (default: the one the notebook names)")
    run.add_argument(
        "--timeout",
        type=seconds,
        metavar="S",
        help="seconds one cell may take, unless it has a tag such as timeout:600 (default: no limit)",
    )
    run.add_argument("--cwd", type=Path, metavar="DIR", help="the working folder (default: the current one)")
    run.add_argument(
        "--policy",
        choices=POLICIES,
        help="what %%%%codemad cells may do: propose changes (default), apply and run them, or nothing",
    )
    run.add_argument(
        "--rules",
        type=Path,
        metavar="FILE",
        help="rules that hold in this run too: TOML with [[permissions]]",
    )
    run.add_argument("--model", metavar="PROVIDER/NAME", help="the model %%%%codemad cells ask")
    run.add_argument(
        "--sandbox",
        action="store_true",
        help="run the kernel in a strong sandbox (bubblewrap): it writes in the working folder alone, sees no"
        " key files and has no network; fails where there is none",
    )
    _add_repairs(run)
    run.add_argument(
        "--report", type=Path, metavar="FILE", help="write a report of the run: FILE.html or FILE.json"
    )
    run.add_argument(
        "--progress",
        action="store_true",
        help="name each cell on stderr as it is run; a terminal shows a bar without being told",
    )
    add_trust_option(run)
    add_options(run)
    run.set_defaults(perform=_run)


def _add_parameters(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "-p",
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a parameter; numbers, true, false and null are read as such (may be repeated)",
    )
    run.add_argument(
        "-r",
        "--raw",
        action="append",
        default=[],
        metavar="NAME=TEXT",
        help="set a parameter to exactly this text (may be repeated)",
    )


def _add_repairs(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--repair",
        choices=REPAIRS,
        help="what is done about a failing cell: nothing (default, unless the settings say otherwise), ask"
        " the model and write down what it suggests, or also apply what did well when tried, and go on",
    )
    run.add_argument(
        "--repair-budget", type=amount, metavar="USD", help="US dollars all repairs may cost (exit code 3)"
    )
    run.add_argument(
        "--repair-tokens", type=count, metavar="N", help="tokens all repairs may take (exit code 3)"
    )


def _run(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.parameters import read_parameters
    from codemad_jupyter.batch.preparing import Order, with_settings
    from codemad_jupyter.batch.runner import run

    order = Order(
        notebook=args.notebook,
        output=args.output,
        parameters=read_parameters(args.parameter, args.raw),
        kernel=args.kernel,
        timeout=args.timeout,
        cwd=args.cwd,
        policy=args.policy,
        rules=args.rules,
        model=args.model,
        progress=args.progress,
        sandbox=args.sandbox,
        cassette=chosen(args, args.notebook),
        **with_settings(
            {name: getattr(args, name) for name in ("repair", "repair_budget", "repair_tokens", "report")},
            args.output,
            root=args.cwd or Path.cwd(),
        ),
    )
    if args.trust:
        trust_for_this_run(order.cwd or Path.cwd())
    return run(order)
