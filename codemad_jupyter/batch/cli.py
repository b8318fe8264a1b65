"""The ``codemad`` command line: its options, exit codes and messages.

Nothing heavy is imported here; each subcommand imports what it needs when it is called.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from codemad_jupyter.batch.agents import add_agents
from codemad_jupyter.batch.attach import add_attach
from codemad_jupyter.batch.batch_command import add_batch
from codemad_jupyter.batch.cassette_files import add_cassette
from codemad_jupyter.batch.cassettes import add_options, add_record, chosen
from codemad_jupyter.batch.finding import add_index, add_search
from codemad_jupyter.batch.gateway_command import add_gateway
from codemad_jupyter.batch.logs import add_logs
from codemad_jupyter.batch.mcp import add_mcp
from codemad_jupyter.batch.memory import add_memory, add_sessions
from codemad_jupyter.batch.models import add_models
from codemad_jupyter.batch.notebook_commands import (
    add_blame,
    add_check,
    add_checkpoints,
    add_merge,
    add_verify,
)
from codemad_jupyter.batch.permissions import add_audit, add_permissions
from codemad_jupyter.batch.plan import add_plan
from codemad_jupyter.batch.relay_command import add_relay
from codemad_jupyter.batch.roles import add_roles
from codemad_jupyter.batch.run_command import add_run
from codemad_jupyter.batch.settings_commands import (
    add_config,
    add_doctor,
    add_keys,
    add_trust,
    add_trust_option,
    trust_for_this_run,
    workspace_of,
)
from codemad_jupyter.batch.sql import add_sql
from codemad_jupyter.batch.storage import add_backup, add_erase, add_export_data, add_restore
from codemad_jupyter.batch.streams import FULL, full_text, prepare, unread
from codemad_jupyter.batch.subcommand import EXIT_CODES, Parser, subcommand
from codemad_jupyter.batch.team import add_team

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands

DONE, FAILED, USAGE, REFUSED, CANCELLED = 0, 1, 2, 4, 130


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top: argparse.ArgumentParser = Parser(
        prog="codemad",
        description="CodeMAD Jupyter on the command line: run notebooks, ask, and see what works here.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="print the version and stop")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    for add in (
        add_run,
        add_batch,
        add_record,
        add_cassette,
        _add_ask,
        add_team,
        _add_context,
        _add_apply,
        add_merge,
        add_verify,
        add_check,
        add_checkpoints,
        add_blame,
        add_agents,
        add_trust,
        add_config,
        add_keys,
        add_permissions,
        add_audit,
        add_index,
        add_search,
        add_memory,
        add_plan,
        add_roles,
        add_sessions,
        add_sql,
        add_backup,
        add_restore,
        add_export_data,
        add_erase,
        add_attach,
        add_mcp,
        add_gateway,
        add_relay,
        add_doctor,
        add_logs,
        add_models,
    ):
        add(commands)
    return top


def _add_ask(commands: Commands) -> None:
    ask = subcommand(
        commands,
        "ask",
        "put one question, and print the answer as it comes",
        examples=(
            '"mean units by region" --notebook analysis.ipynb --execute-notebook',
            "- --model anthropic/claude-opus-5-5 < question.txt",
        ),
    )
    ask.add_argument("question", metavar="QUESTION", help="the question; - reads it from stdin")
    ask.add_argument("--notebook", type=Path, metavar="FILE", help="the notebook it is about")
    ask.add_argument(
        "--kernel-file", type=Path, metavar="FILE", help="connection file of a running kernel to look into"
    )
    ask.add_argument(
        "--execute-notebook",
        action="store_true",
        help="first run the notebook's cells in a kernel of its own, so that its variables are live",
    )
    ask.add_argument("--apply", action="store_true", help="accept what is proposed (default: only show it)")
    ask.add_argument("--model", metavar="PROVIDER/NAME", help="the model to ask")
    ask.add_argument("--json", action="store_true", help="print the events, one JSON object a line")
    add_trust_option(ask)
    add_options(ask)
    ask.set_defaults(perform=_ask)


def _add_context(commands: Commands) -> None:
    context = subcommand(
        commands,
        "context",
        "show what a question would send to the model, without sending it",
        examples=('"plot the units" --notebook analysis.ipynb',),
    )
    context.add_argument("question", metavar="PROMPT", help="the question")
    context.add_argument("--notebook", type=Path, metavar="NB", help="the notebook it is about")
    context.add_argument("--model", metavar="PROVIDER/NAME", help="the model it would go to")
    context.add_argument("--json", action="store_true", help="print every part as JSON")
    add_trust_option(context)
    context.set_defaults(perform=_context)


def _add_apply(commands: Commands) -> None:
    apply = subcommand(
        commands,
        "apply",
        "make the edits a model wrote in the files of a folder, all or none",
        examples=("edits.txt --check", "- --root project < edits.txt"),
    )
    apply.add_argument("source", metavar="FILE", help="the edits; - reads them from stdin")
    apply.add_argument(
        "--format",
        choices=("auto", "search_replace", "str_replace", "apply_patch", "unified_diff"),
        default="auto",
        help="what they are written in (default: auto, which looks at them)",
    )
    apply.add_argument("--root", type=Path, default=Path(), metavar="DIR", help="the folder (default: here)")
    apply.add_argument("--check", action="store_true", help="only say whether they would apply")
    apply.add_argument("--json", action="store_true", help="print what was done, or refused, as JSON")
    apply.set_defaults(perform=_apply)


def _ask(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.ask import Inquiry, ask

    inquiry = Inquiry(
        question=sys.stdin.read() if args.question == "-" else args.question,
        notebook=args.notebook,
        kernel_file=args.kernel_file,
        execute_notebook=args.execute_notebook,
        apply=args.apply,
        model=args.model,
        json=args.json,
        cassette=chosen(args, args.notebook),
    )
    if args.trust:
        trust_for_this_run(workspace_of(args.notebook))
    return ask(inquiry)


def _context(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.preview import preview

    if args.trust:
        trust_for_this_run(workspace_of(args.notebook))
    return preview(args.question, notebook=args.notebook, model=args.model, json=args.json)


def _apply(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.apply import Patching, apply

    return apply(
        Patching(source=args.source, form=args.format, root=args.root, check=args.check, json=args.json)
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    prepare()
    top = parser()
    args = top.parse_args(argv)
    if args.version:
        from codemad_jupyter import __version__

        print(f"codemad {__version__}")
        return DONE
    if args.command is None:
        top.print_help()
        return USAGE
    previous = signal.signal(signal.SIGTERM, _terminated)
    try:
        return _guarded(lambda: int(args.perform(args)))
    finally:
        signal.signal(signal.SIGTERM, previous)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    """A scheduler's signal ends a run as Ctrl-C does: what there is gets written."""
    raise KeyboardInterrupt


def _guarded(work: Callable[[], int]) -> int:
    """Errors of ours are one message and an exit code; anything else is a bug and shows itself."""
    from codemad_jupyter.protocol.errors import CodemadError, Denied, UsageError

    try:
        code = work()
        sys.stdout.flush()
        return code
    except UsageError as error:
        print(f"codemad: {error}", file=sys.stderr)
        return USAGE
    except Denied as error:
        print(f"codemad: {error}", file=sys.stderr)
        return REFUSED
    except CodemadError as error:
        print(f"codemad: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        unread()
        return FAILED
    except OSError as error:
        if error.errno not in FULL:
            raise
        print(f"codemad: {full_text(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("codemad: cancelled.", file=sys.stderr)
        return CANCELLED


if __name__ == "__main__":
    sys.exit(main())
