"""The subcommands about what holds here: config, trust, keys, doctor."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.batch.subcommand import add_verb, subcommand

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands
    from codemad_jupyter.config.key_store import Place
    from codemad_jupyter.config.sign_in import DeviceCode

_CONFIG = {"list": "", "get": "KEY", "set": "KEY VALUE", "unset": "KEY"}
"""What each verb of ``codemad config`` is given."""
MOST = 100_000
"""Characters read from standard input for a key."""


def add_config(commands: Commands) -> None:
    """``codemad config``."""
    config = subcommand(
        commands,
        "config",
        "show the settings with their origins, and change your own",
        examples=("list --show-origin", "set model anthropic/claude-opus-5-5", "unset model"),
    )
    add_verb(config, tuple(_CONFIG))
    config.add_argument("key", nargs="?", metavar="KEY", help="the setting, as in: max_steps")
    config.add_argument("value", nargs="?", metavar="VALUE", help="its new value, for set")
    config.add_argument("--show-origin", action="store_true", help="say where each value comes from")
    config.add_argument("--json", action="store_true", help="print them as JSON, with origins")
    config.set_defaults(perform=_config)


def add_trust(commands: Commands) -> None:
    """``codemad trust``."""
    text = "trust a folder, so that its codemad.toml and rules files (AGENTS.md …) count"
    trust = subcommand(commands, "trust", text)
    trust.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="default: here")
    what = trust.add_mutually_exclusive_group()
    what.add_argument("--show", action="store_true", help="only say how things stand, and what would count")
    what.add_argument("--revoke", action="store_true", help="trust it no longer")
    trust.add_argument("--json", action="store_true", help="print it as JSON")
    trust.set_defaults(perform=_trust)


def add_keys(commands: Commands) -> None:
    """``codemad keys``."""
    text = (
        "list, keep, forget and try keys of model providers, or sign in by a code where a provider offers it;"
        " a key is read from stdin or a hidden prompt"
    )
    keys = subcommand(commands, "keys", text, examples=("set anthropic", "test anthropic"))
    add_verb(keys, ("list", "set", "login", "delete", "test"))
    keys.add_argument("provider", nargs="?", metavar="PROVIDER", help="such as anthropic or openai")
    keys.add_argument(
        "--in", dest="place", choices=("keyring", "file"), help="where to keep it (default: the key store)"
    )
    keys.add_argument(
        "--passphrase", action="store_true", help="ask for the passphrase of the encrypted file"
    )
    keys.add_argument("--model", metavar="PROVIDER/NAME", help="the model to try it with")
    keys.add_argument("--json", action="store_true", help="print the answer as JSON")
    keys.set_defaults(perform=_keys)


def add_doctor(commands: Commands) -> None:
    """``codemad doctor``."""
    doctor = subcommand(commands, "doctor", "say what works here, and what to do about what does not")
    doctor.add_argument("--json", action="store_true", help="print the checks as JSON")
    text = "also ask the providers of models whether they answer (reaches out to each that is set up)"
    doctor.add_argument("--online", action="store_true", help=text)
    doctor.set_defaults(perform=_doctor)


def add_trust_option(parser: argparse.ArgumentParser) -> None:
    """``--trust`` for commands that work in a folder."""
    text = "let codemad.toml and rules files of the folder count in this run, without keeping that"
    parser.add_argument("--trust", action="store_true", help=text)


def trust_for_this_run(root: Path) -> None:
    """What ``--trust`` does: this process and the kernels it starts trust exactly this folder."""
    from codemad_jupyter.config.trust import VARIABLE

    named = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = os.pathsep.join(filter(None, (named, str(root.resolve()))))


def workspace_of(notebook: Path | None) -> Path:
    """The folder a command works in that is about this notebook."""
    if notebook is None:
        return Path.cwd()
    from codemad_jupyter.batch.desk import placed

    return placed(notebook)[0]


def _config(args: argparse.Namespace) -> int:
    from codemad_jupyter.app import settings_desk
    from codemad_jupyter.config.settings import load_settings
    from codemad_jupyter.protocol.configuring import SettingsInfo
    from codemad_jupyter.protocol.errors import UsageError

    usage = f"codemad config {args.verb} {_CONFIG[args.verb]}".rstrip()
    wanted = len(_CONFIG[args.verb].split())
    _needs(args.key, wanted > 0, usage)
    _needs(args.value, wanted > 1, usage)
    if [args.key, args.value][wanted:] != [None] * (2 - wanted):
        raise UsageError("A word is too many.", hint=f"Usage: {usage}")
    if args.verb in ("set", "unset"):
        done = settings_desk.set_value(args.key, args.value) if args.verb == "set" else None
        _say(done or settings_desk.set_values({args.key: None}))
        return 0
    settings = load_settings(Path.cwd(), lenient=True)
    every = args.verb == "list"
    found = settings_desk.rows(settings) if every else settings_desk.chosen(settings, args.key)
    if args.json:
        _say(SettingsInfo(settings=found, notices=settings.notices).model_dump_json(indent=2))
    elif every or args.show_origin or found[0].key != args.key:
        _say(settings_desk.rows_text(found, settings, origins=args.show_origin))
    else:
        _say(json.dumps(found[0].value, ensure_ascii=False))
    for notice in settings.notices if not args.json else ():
        _say(f"codemad: {notice}", error=True)
    return 0


def _trust(args: argparse.Namespace) -> int:
    from codemad_jupyter.app import trusting

    found = trusting.look(args.folder)
    if not args.show:
        seen = None if args.revoke else found.digest
        found = trusting.decide(args.folder, trusted=not args.revoke, seen=seen)
    if args.json:
        print(found.model_dump_json(indent=2))
        return 0
    _say(trusting.trust_text(found))
    shown = trusting.settings_text(found) if not args.revoke else ""
    if shown:
        _say(f"codemad.toml:\n{shown.rstrip()}")
    return 0


def _keys(args: argparse.Namespace) -> int:
    from codemad_jupyter.app import key_desk
    from codemad_jupyter.config.settings import load_settings

    if args.verb == "list":
        ring = key_desk.ring(load_settings(lenient=True))
        _say(ring.model_dump_json(indent=2) if args.json else key_desk.ring_text(ring))
        return 0
    _needs(args.provider, True, f"codemad keys {args.verb} PROVIDER")
    if args.verb == "test":
        tried = asyncio.run(key_desk.try_key(args.provider, load_settings(lenient=True), model=args.model))
        _say(tried.model_dump_json(indent=2) if args.json else tried.text)
        return 0 if tried.ok else 1
    if args.verb in ("set", "login"):
        key_desk.outlives_this_process(args.place)
    if args.verb == "delete":
        said = key_desk.forget(args.provider)
    elif args.verb == "login":
        settings = load_settings(lenient=True)
        said = key_desk.sign_in(args.provider, settings, show=_show_code, place=args.place)
    else:
        phrase = _asked("Passphrase of the encrypted file: ") if args.passphrase else None
        place: Place | None = "file" if phrase else args.place
        key = _asked(f"Key for {args.provider} (not shown): ")
        said = key_desk.keep(args.provider, key, place=place, passphrase=phrase)
    _say(json.dumps({"done": said}) if args.json else said)
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from codemad_jupyter.batch.report import doctor

    return doctor(json=args.json, online=args.online)


def _show_code(code: DeviceCode) -> None:
    minutes = max(round(code.expires_in / 60), 1)
    _say(f"Open {code.verification_uri} in any browser and enter {code.user_code}", error=True)
    if code.verification_uri_complete:
        _say(f"or open {code.verification_uri_complete}", error=True)
    _say(f"Waiting for you, {minutes} min at most; Ctrl+C ends it.", error=True)


def _say(text: str, *, error: bool = False) -> None:
    print(text, file=sys.stderr if error else sys.stdout)


def _needs(value: Any, needed: bool, usage: str) -> None:
    from codemad_jupyter.protocol.errors import UsageError

    if needed and value is None:
        raise UsageError("A word is missing.", hint=f"Usage: {usage}")


def _asked(prompt: str) -> str:
    """From a hidden prompt where a person sits there, else a line of standard input."""
    if sys.stdin is not None and sys.stdin.isatty():
        import getpass

        return getpass.getpass(prompt)
    return sys.stdin.readline(MOST).rstrip("\r\n") if sys.stdin is not None else ""
