"""The ``codemad`` command line: its options, exit codes and messages.

Only argparse is imported here; each subcommand imports what it needs when it is called.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TypeAlias

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

DONE, FAILED, USAGE, CANCELLED = 0, 1, 2, 130
POLICIES = ("propose", "auto", "off")
EXIT_CODES = """\
exit codes:
  0    done
  1    a cell, the question, an edit or a check failed (a notebook is written as far as it got, edits are not)
  2    the command makes no sense: unknown option, unreadable notebook, kernel that is not installed
  130  cancelled (Ctrl-C or a signal)
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="codemad",
        description="CodeMAD Jupyter on the command line: run notebooks, ask, and see what works here.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="print the version and stop")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    for add in (
        _add_run,
        _add_ask,
        _add_context,
        _add_apply,
        _add_merge,
        _add_verify,
        _add_checkpoints,
        _add_blame,
        _add_doctor,
        _add_models,
    ):
        add(commands)
    return top


def _sub(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_run(commands: Commands) -> None:
    run = _sub(
        commands,
        "run",
        "execute a notebook and write it, with its outputs, to another file",
    )
    run.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="the notebook; it is never changed")
    run.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="where the executed notebook goes"
    )
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
    run.add_argument("--kernel", metavar="NAME", help="the kernel (default: the one the notebook names)")
    run.add_argument(
        "--timeout", type=_seconds, metavar="S", help="seconds one cell may take (default: no limit)"
    )
    run.add_argument("--cwd", type=Path, metavar="DIR", help="the working folder (default: the current one)")
    run.add_argument(
        "--policy",
        choices=POLICIES,
        help="what %%%%codemad cells may do: propose changes (default), apply and run them, or nothing",
    )
    run.add_argument("--model", metavar="PROVIDER/NAME", help="the model %%%%codemad cells ask")
    run.add_argument("--progress", action="store_true", help="name each cell on stderr as it is run")
    run.set_defaults(perform=_run)


def _add_ask(commands: Commands) -> None:
    ask = _sub(commands, "ask", "put one question, and print the answer as it comes")
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
    ask.set_defaults(perform=_ask)


def _add_context(commands: Commands) -> None:
    context = _sub(commands, "context", "show what a question would send to the model, without sending it")
    context.add_argument("question", metavar="PROMPT", help="the question")
    context.add_argument("--notebook", type=Path, metavar="NB", help="the notebook it is about")
    context.add_argument("--model", metavar="PROVIDER/NAME", help="the model it would go to")
    context.add_argument("--json", action="store_true", help="print every part as JSON")
    context.set_defaults(perform=_context)


def _add_apply(commands: Commands) -> None:
    apply = _sub(commands, "apply", "make the edits a model wrote in the files of a folder, all or none")
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


def _add_merge(commands: Commands) -> None:
    from codemad_jupyter.app.merge_words import add_options as add_merge_options

    merge = _sub(commands, "merge", "resolve what git could not merge in a notebook, cell by cell")
    merge.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="the notebook with conflict markers")
    add_merge_options(merge)
    merge.add_argument("--json", action="store_true", help="print the conflicts as JSON")
    merge.set_defaults(perform=_merge)


def _add_verify(commands: Commands) -> None:
    text = "run a notebook again in a throw-away kernel, and say which cells fail or differ"
    verify = _sub(commands, "verify", text)
    verify.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="the notebook; it is never changed")
    verify.add_argument(
        "--cells",
        nargs="+",
        default=[],
        metavar="ID",
        help="only these cells and those they need",
    )
    verify.add_argument("--timeout", type=_seconds, metavar="S", help="seconds one cell may take")
    verify.add_argument("--json", action="store_true", help="print the report as JSON")
    verify.set_defaults(perform=_verify)


def _add_checkpoints(commands: Commands) -> None:
    from codemad_jupyter.app.timeline_words import add_verbs

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--root", type=Path, default=Path(), metavar="DIR", help="the folder (default: here)")
    common.add_argument("--json", action="store_true", help="print the answer as JSON")
    checkpoints = _sub(commands, "checkpoints", "list, compare, restore, name and forget checkpoints")
    add_verbs(checkpoints, common=[common])
    checkpoints.set_defaults(perform=_checkpoints)


def _add_blame(commands: Commands) -> None:
    blame = _sub(commands, "blame", "say who made each cell of a notebook: you, or which run and model")
    blame.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="the notebook file")
    blame.add_argument("--json", action="store_true", help="print it as JSON")
    blame.set_defaults(perform=_blame)


def _add_doctor(commands: Commands) -> None:
    doctor = _sub(commands, "doctor", "say what works here, and what to do about what does not")
    doctor.add_argument("--json", action="store_true", help="print the checks as JSON")
    doctor.set_defaults(perform=_doctor)


def _add_models(commands: Commands) -> None:
    models = _sub(commands, "models", "list the models that can be asked, and what the others lack")
    models.add_argument("--json", action="store_true", help="print them as JSON")
    models.set_defaults(perform=_models)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above zero")
    return value


def _run(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.parameters import read_parameters
    from codemad_jupyter.batch.runner import Order, run

    order = Order(
        notebook=args.notebook,
        output=args.output,
        parameters=read_parameters(args.parameter, args.raw),
        kernel=args.kernel,
        timeout=args.timeout,
        cwd=args.cwd,
        policy=args.policy,
        model=args.model,
        progress=args.progress,
    )
    return run(order)


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
    )
    return ask(inquiry)


def _context(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.preview import preview

    return preview(args.question, notebook=args.notebook, model=args.model, json=args.json)


def _apply(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.apply import Patching, apply

    return apply(
        Patching(source=args.source, form=args.format, root=args.root, check=args.check, json=args.json)
    )


def _merge(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.merging import merge

    return merge(args)


def _verify(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.verify import Order, verify

    cells = tuple(cell for word in args.cells for cell in word.split(",") if cell)
    return verify(Order(notebook=args.notebook, cells=cells, timeout=args.timeout, json=args.json))


def _checkpoints(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.timeline import checkpoints
    from codemad_jupyter.protocol.errors import UsageError

    if args.verb is None:
        raise UsageError("What is to be done with checkpoints?", hint="See: codemad checkpoints --help")
    return checkpoints(args)


def _blame(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.timeline import blame

    return blame(args.notebook, as_json=args.json)


def _doctor(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.report import doctor

    return doctor(json=args.json)


def _models(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.report import models

    return models(json=args.json)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
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
    from codemad_jupyter.protocol.errors import CodemadError, UsageError

    try:
        return work()
    except UsageError as error:
        print(f"codemad: {error}", file=sys.stderr)
        return USAGE
    except CodemadError as error:
        print(f"codemad: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone; Python would complain about it at exit
        return FAILED
    except KeyboardInterrupt:
        print("codemad: cancelled.", file=sys.stderr)
        return CANCELLED


if __name__ == "__main__":
    sys.exit(main())
