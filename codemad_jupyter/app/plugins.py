"""What packages offer by their hooks, checked one by one: what is not what it should be, or has the name of
something that there is already, is left out and named."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from codemad_jupyter.config.paths import user_file
from codemad_jupyter.config.providers import CARDS as KEY_CARDS
from codemad_jupyter.config.trust import TrustedFolders
from codemad_jupyter.gateway.cards import CARDS
from codemad_jupyter.hooks import Offered, Plugins, offers
from codemad_jupyter.orchestrator.roles import Roles, read_roles
from codemad_jupyter.orchestrator.slash import BUILT_IN, gathered
from codemad_jupyter.protocol.phases import ExtraPhase
from codemad_jupyter.protocol.slash import SlashCommand
from codemad_jupyter.tools.catalog import BUILT_IN as OWN_TOOLS
from codemad_jupyter.tools.tool import Tool

OWN_PROVIDERS = frozenset((*KEY_CARDS, *(card.name for card in CARDS), "ollama", "codemad"))
T = TypeVar("T")


@dataclass(frozen=True)
class Offers:
    """All of it, by kind."""

    tools: tuple[Tool, ...]
    providers: dict[str, Any]
    commands: tuple[SlashCommand, ...]
    phases: tuple[ExtraPhase, ...]
    roles: tuple[Offered, ...]


def gathered_offers(manager: Plugins) -> Offers:
    """Ask all packages. What is wrong goes to the manager's problems."""
    commands = _checked(manager, "register_commands", SlashCommand, [each.name for each in BUILT_IN])
    providers = [Offered(each.package, each.value) for each in offers(manager, "register_providers")]
    return Offers(
        tools=_checked(manager, "register_tools", Tool, [each.name for each in OWN_TOOLS]),
        providers=_providers(manager, providers),
        commands=gathered(commands),
        phases=_checked(manager, "register_phases", ExtraPhase, []),
        roles=tuple(offers(manager, "register_roles")),
    )


def roles_of(root: Path, offered: Iterable[Offered]) -> Roles:
    """The roles there are now."""
    return read_roles(root, own=user_file().parent, lends=TrustedFolders().lends, offered=offered)


def _checked(manager: Plugins, hook: str, kind: type[T], taken: list[str]) -> tuple[T, ...]:
    found: dict[str, T] = {}
    for package, value in offers(manager, hook):
        name = getattr(value, "name", None)
        if not isinstance(value, kind) or not isinstance(name, str):
            said = f"offers by {hook} what is no {kind.__name__}"
        elif name in taken or name in found:
            said = f"offers {kind.__name__} {name}, which there is already"
        else:
            found[name] = value
            continue
        manager.problems.append(f"The package {package} {said}; it was left out.")
    return tuple(found.values())


def _providers(manager: Plugins, offered: Iterable[Offered]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for package, (name, provider) in offered:
        if name in OWN_PROVIDERS or name in found or not hasattr(provider, "stream"):
            manager.problems.append(f"The package {package} offers a provider {name} that cannot be used.")
        else:
            found[name] = provider
    return found
