"""``codemad roles``: the roles that count in a folder, one of them in full, and what is wrong with files."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.memory import common_options
from codemad_jupyter.batch.subcommand import subcommand
from codemad_jupyter.protocol.wording import counted

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands
    from codemad_jupyter.orchestrator.role_files import Role
    from codemad_jupyter.orchestrator.roles import Roles


def add_roles(commands: Commands) -> None:
    """``codemad roles``."""
    roles = subcommand(commands, "roles", "list the roles, show one, or check the files that describe them")
    verbs = roles.add_subparsers(dest="verb", metavar="VERB")
    common = common_options()
    listing = "list the roles that count here, and where they come from"
    verbs.add_parser("list", help=listing, description=listing, parents=[common])
    showing = "show one role in full"
    show = verbs.add_parser("show", help=showing, description=showing, parents=[common])
    show.add_argument("role", metavar="ROLE", help="its name")
    checking = "say what is wrong with your roles and the project's, by line; 1 where something is"
    verbs.add_parser("check", help=checking, description=checking, parents=[common])
    roles.set_defaults(perform=_perform)


def _perform(asked: argparse.Namespace) -> int:
    from codemad_jupyter.protocol.errors import UsageError

    if asked.verb is None:
        raise UsageError("What is to be done with roles?", hint="See: codemad roles --help")
    found = _read(asked.root.resolve())
    if asked.verb == "show":
        role = found.get(asked.role)
        print(json.dumps(role.model_dump(), indent=2) if asked.json else _whole(role))
        return 0
    if asked.verb == "list":
        lines = [f"{role.name:<14}{role.origin:<14}{role.description}" for role in _sorted(found)]
        data = {"roles": [role.model_dump(exclude={"prompt"}) for role in _sorted(found)]}
        print(json.dumps(data, indent=2) if asked.json else "\n".join([*lines, *_remarks(found)]))
        return 0
    problems = [*found.problems, *_unknown_tools(found)]
    told = problems or [f"All {len(found.known)} roles can be used."]
    if asked.json:
        print(json.dumps({"problems": problems, "waiting": list(found.waiting)}, indent=2))
    else:
        print("\n".join([*told, *_waiting(found)]))
    return 1 if problems else 0


def _read(root: Path) -> Roles:
    from codemad_jupyter.app.plugins import roles_of
    from codemad_jupyter.hooks import offers, plugin_manager

    return roles_of(root, offers(plugin_manager(), "register_roles"))


def _sorted(found: Roles) -> list[Role]:
    return [found.known[name] for name in sorted(found.known)]


def _remarks(found: Roles) -> list[str]:
    wrong = (
        [f"{counted(len(found.problems), 'file')} cannot be read as roles: see codemad roles check"]
        if found.problems
        else []
    )
    return [*wrong, *_waiting(found)]


def _waiting(found: Roles) -> list[str]:
    if not found.waiting:
        return []
    return [f"These count once you trust the folder as it is (codemad trust): {', '.join(found.waiting)}"]


def _unknown_tools(found: Roles) -> list[str]:
    """Tools of packages are not asked: they are there only while an engine runs."""
    from codemad_jupyter.orchestrator.equipment import missing_tools
    from codemad_jupyter.tools.catalog import BUILT_IN
    from codemad_jupyter.tools.tool import Registry

    registry = Registry(BUILT_IN)
    return [
        f"The role {role.name} ({role.origin}) names {', '.join(missing)}: no tool of CodeMAD itself."
        for role in _sorted(found)
        if (missing := missing_tools(role, registry))
    ]


def _whole(role: Role) -> str:
    fields = role.model_dump(exclude={"prompt"}, exclude_none=True)
    lines = [
        f"{name}: {', '.join(value) if isinstance(value, tuple) else value}" for name, value in fields.items()
    ]
    return "\n".join([*lines, "", role.prompt])
