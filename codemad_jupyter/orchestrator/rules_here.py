"""The person's rules as they hold in the folder of an agent, where the same files lie elsewhere. Pure."""

from dataclasses import replace
from pathlib import Path

from codemad_jupyter.protocol.permissions import Rule
from codemad_jupyter.tools.permissions import Permissions


def permissions_here(given: Permissions, root: Path) -> Permissions:
    """The rules in an agent's folder: those about files of the person's ``root`` that forbid or ask are about
    the same files here."""
    return replace(
        given, rules=(*given.rules, *(_moved(rule, root) for rule in given.rules if _names(rule, root)))
    )


def _names(rule: Rule, root: Path) -> bool:
    place = str(Path(rule.path).expanduser()) if rule.path.startswith(("/", "~")) else ""
    return rule.decide != "allow" and place.startswith(f"{root}/")


def _moved(rule: Rule, root: Path) -> Rule:
    place = str(Path(rule.path).expanduser())
    return rule.model_copy(update={"path": place.removeprefix(f"{root}/")})
