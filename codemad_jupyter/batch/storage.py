"""``codemad backup``, ``restore``, ``export-data`` and ``erase``: what is kept, in the person's own hands."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.batch.memory import add_common_options
from codemad_jupyter.batch.subcommand import subcommand
from codemad_jupyter.protocol.wording import counted

if TYPE_CHECKING:
    from codemad_jupyter.app.personal_data import Kept, Workspace
    from codemad_jupyter.batch.subcommand import Commands
    from codemad_jupyter.config.settings import Settings

LEFT = (
    "Left as they are: your notebooks and files, your settings, cassettes and backups that you put elsewhere."
)
WORD = "erase"


def add_backup(commands: Commands) -> None:
    """``codemad backup``."""
    text = (
        "write the sessions, checkpoints and memory of a folder into one file, also while a Jupyter server"
        " has them open; keys, trust and approvals are not in it"
    )
    backup = subcommand(commands, "backup", text)
    add_common_options(backup)
    backup.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: one in the data folder")
    backup.set_defaults(perform=_backup)


def add_restore(commands: Commands) -> None:
    """``codemad restore``."""
    text = (
        "replace the sessions of a folder by those of a backup, which is looked at as a whole first; the"
        " present ones are kept beside"
    )
    restore = subcommand(commands, "restore", text)
    add_common_options(restore)
    restore.add_argument("file", type=Path, metavar="FILE", help="what codemad backup wrote")
    restore.set_defaults(perform=_restore)


def add_export_data(commands: Commands) -> None:
    """``codemad export-data``."""
    text = "write all that CodeMAD keeps of you, in all folders, into one file as JSON; keys are not in it"
    export = subcommand(commands, "export-data", text)
    _scope(export)
    export.add_argument("file", type=Path, metavar="FILE", help="a new file (a zip archive)")
    export.set_defaults(perform=_export)


def add_erase(commands: Commands) -> None:
    """``codemad erase``."""
    text = (
        "list all that CodeMAD keeps of you, in all folders, and erase it once you say so: sessions,"
        " checkpoints, memory, index, logs, keys; your own files stay"
    )
    erase = subcommand(commands, "erase", text)
    _scope(erase)
    erase.add_argument("--dry-run", action="store_true", help="only list it")
    erase.add_argument("--yes", action="store_true", help="erase without asking (for scripts)")
    erase.set_defaults(perform=_erase)


def _scope(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", type=Path, metavar="DIR", help="only what is kept of this folder")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def _backup(args: argparse.Namespace) -> int:
    from codemad_jupyter.app.server_client import running_server

    root, settings = _place(args.root)
    server = running_server(root)
    if server is not None:
        answer = server.make_backup()
        written, manifest = Path(answer["file"]), answer["manifest"]
        if args.file is not None:
            _move(written, args.file)
            written = args.file
    else:
        written, manifest = asyncio.run(_made(root, settings, args.file))
    said = (
        f"{written} holds {counted(manifest['sessions'], 'session')} of {root}; no keys, trust or approvals."
    )
    _say({"file": str(written), "sessions": manifest["sessions"]} if args.json else said)
    return 0


async def _made(root: Path, settings: Settings, file: Path | None) -> tuple[Path, dict[str, Any]]:
    from codemad_jupyter.app.backup import default_target, make_backup
    from codemad_jupyter.config.paths import data_dir, workspace_dir
    from codemad_jupyter.protocol.errors import NotFound
    from codemad_jupyter.store.opening import MAIN
    from codemad_jupyter.store.store import Store

    folder = workspace_dir(root, settings=settings)
    if not (folder / MAIN).is_file():
        raise NotFound(f"Nothing is kept of {root} yet.", hint="Name another folder with --root.")
    target = file or default_target(folder, root)
    store = await Store.open(folder / MAIN, workspace=str(root))
    try:
        manifest = await make_backup(store, folder, root=root, person=data_dir(settings), target=target)
    finally:
        await store.close()
    return target, manifest.model_dump()


def _restore(args: argparse.Namespace) -> int:
    from codemad_jupyter.app.backup import read_manifest
    from codemad_jupyter.app.restore import restore, restored_text, stage
    from codemad_jupyter.app.server_client import running_server

    root, settings = _place(args.root)
    read_manifest(args.file)
    server = running_server(root)
    if server is not None:
        copy = stage(args.file, root=root, settings=settings)
        try:
            answer = server.bring_back(copy.name)
        finally:
            copy.unlink(missing_ok=True)
        text, problems = answer["text"], answer["problems"]
    else:
        done = asyncio.run(restore(args.file, root=root, settings=settings))
        text, problems = restored_text(done), done.problems
    _say({"text": text, "problems": problems} if args.json else text)
    return 1 if problems else 0


def _export(args: argparse.Namespace) -> int:
    from codemad_jupyter.app import personal_data

    settings, found = _found(args)
    personal_data.export(settings, found, args.file, whole=args.only is None)
    said = f"What is kept of {counted(len(found), 'folder')} is in {args.file}."
    said += " Keys are not in it. Keep it to yourself."
    _say({"file": str(args.file), "folders": [each.name for each in found]} if args.json else said)
    return 0


def _erase(args: argparse.Namespace) -> int:
    from codemad_jupyter.app import personal_data

    settings, found = _found(args)
    whole = args.only is None
    things = personal_data.listed(settings, found, whole=whole)
    if not args.json:
        _say(_listing(things))
    if args.dry_run or not things or not (args.yes or _agreed(args)):
        if args.json:
            _say({"kept": [vars(each) for each in things], "erased": False})
        return 0
    problems = personal_data.erase(settings, found, whole=whole)
    done = "Erased." if not problems else "\n".join(["Not all could be erased:", *problems])
    _say({"erased": not problems, "problems": problems} if args.json else done)
    return 1 if problems else 0


def _listing(things: list[Kept]) -> str:
    if not things:
        return "Nothing is kept."
    lines = [f"{each.bytes / 1e6:9.1f} MB  {each.what}\n              {each.place}" for each in things]
    return "\n".join(["CodeMAD keeps:", *lines, LEFT])


def _agreed(args: argparse.Namespace) -> bool:
    from codemad_jupyter.protocol.errors import UsageError

    if args.json or sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("Nobody is here to be asked.", hint="Look with --dry-run, then give --yes.")
    said = input(f"This cannot be undone. Type {WORD} to go on: ")
    if said.strip() != WORD:
        _say("Nothing was erased.")
        return False
    return True


def _found(args: argparse.Namespace) -> tuple[Settings, list[Workspace]]:
    from codemad_jupyter.app import personal_data
    from codemad_jupyter.config.settings import load_settings

    settings = load_settings(args.only, lenient=True)
    found = personal_data.workspaces(settings, args.only)
    return settings, [each for each in found if each.folder.is_dir()]


def _place(folder: Path) -> tuple[Path, Settings]:
    from codemad_jupyter.config.settings import load_settings
    from codemad_jupyter.protocol.errors import UsageError

    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", hint="Name one with --root.")
    root = folder.resolve()
    return root, load_settings(root, lenient=True)


def _move(source: Path, target: Path) -> None:
    from codemad_jupyter.protocol.errors import UsageError

    if target.exists() or target.is_symlink():
        source.unlink()
        raise UsageError(f"{target} is there already.", hint="Name a new file.")
    shutil.move(source, target)


def _say(what: object) -> None:
    print(what if isinstance(what, str) else json.dumps(what, indent=2))
