"""``codemad team``: several agents do one task, each in a folder of its own; what is best of it is shown, and
with ``--apply`` accepted. Nobody is asked: where there is no strong sandbox their commands are refused."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.subcommand import subcommand

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands

PATTERNS = ("swarm", "hierarchy", "pipeline", "mesh")


def add_team(commands: Commands) -> None:
    """The subcommand with its words."""
    from codemad_jupyter.batch.settings_commands import add_trust_option

    team = subcommand(
        commands,
        "team",
        "let several agents do a task, each in a folder of its own, and show the best of it",
        examples=('"make cleaning.py faster"', '"add tests" --pattern pipeline --roles coder,tester'),
    )
    team.add_argument("task", metavar="WHAT", help="the task; - reads it from stdin")
    team.add_argument(
        "--pattern",
        choices=PATTERNS,
        help="swarm (all try it, the tests decide), hierarchy (a coordinator gives out pieces), pipeline (one"
        " after the other) or mesh (equals that write to each other); default: by the task",
    )
    team.add_argument("--agents", type=int, metavar="N", help="how many: 2 to 6 (default: 3)")
    team.add_argument(
        "--roles", metavar="A,B", help="the roles of a pipeline or mesh, such as planner,coder,reviewer"
    )
    team.add_argument("--notebook", type=Path, metavar="FILE", help="the notebook it is about")
    team.add_argument("--apply", action="store_true", help="accept what is proposed (default: only show it)")
    team.add_argument("--model", metavar="PROVIDER/NAME", help="the model of agents whose role names none")
    team.add_argument("--json", action="store_true", help="print the events, one JSON object a line")
    add_trust_option(team)
    team.set_defaults(perform=_team)


def _team(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.ask import Inquiry, ask
    from codemad_jupyter.batch.settings_commands import trust_for_this_run, workspace_of

    if args.trust:
        trust_for_this_run(workspace_of(args.notebook))
    return ask(
        Inquiry(
            question=asked_text(args),
            notebook=args.notebook,
            apply=args.apply,
            model=args.model,
            json=args.json,
            intent="team",
        )
    )


def asked_text(args: argparse.Namespace) -> str:
    """The task as one would type it after ``/team``. Raises `UsageError` for options that do not go
    together."""
    from codemad_jupyter.orchestrator.team_asked import FEW, MOST
    from codemad_jupyter.protocol.errors import UsageError

    task = str(sys.stdin.read() if args.task == "-" else args.task)
    if args.roles and (args.agents is not None or args.pattern not in ("pipeline", "mesh")):
        raise UsageError(
            "Roles are for a pipeline or a mesh.", hint="--pattern pipeline --roles coder,tester"
        )
    if args.agents is not None and not FEW <= args.agents <= MOST:
        raise UsageError(f"A team has {FEW} to {MOST} agents, not {args.agents}.", hint="Give --agents 3.")
    if args.agents is not None and args.pattern is None:
        args.pattern = "swarm"
    how = args.roles or (str(args.agents) if args.agents is not None else "")
    return " ".join(filter(None, [args.pattern, how, task]))
