"""The hooks through which other packages add behaviour, the manager that finds them, and how they are called.

A package offers hooks under the entry-point group ``codemad_jupyter``. A hook that fails is named and
does not stop the others; where one is asked for leave (`before_tool`, `on_review`) a failure is a refusal.
"""

import copy
import importlib.metadata
import inspect
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import pluggy

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from codemad_jupyter.protocol.edits import Edit
    from codemad_jupyter.protocol.events import Event

PROJECT = "codemad_jupyter"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
_log = logging.getLogger(__name__)


class Specs:
    """The hooks. Implement any of them in a module or class and mark it with `hookimpl`."""

    @hookspec
    def register_tools(self) -> Any:
        """Return a list of Tool objects that agents may call."""

    @hookspec
    def register_providers(self) -> Any:
        """Return a dict of provider name to Provider; their models are named ``name/model``."""

    @hookspec
    def register_commands(self) -> Any:
        """Return a list of `protocol.slash.SlashCommand`: words that a person may begin a prompt with."""

    @hookspec
    def register_roles(self) -> Any:
        """Return a list of paths of role files (Markdown with front matter)."""

    @hookspec
    def register_phases(self) -> Any:
        """Return a list of `protocol.phases.ExtraPhase`: steps that a run takes before it ends, when it has
        proposed something."""

    @hookspec
    def before_tool(self, tool: str, arguments: dict[str, Any]) -> "str | Awaitable[str | None] | None":
        """Called before a tool runs. Return a reason to refuse the call, or None to let it go on. May be
        async; one that fails refuses."""

    @hookspec
    def after_tool(self, tool: str, arguments: dict[str, Any], content: str, is_error: bool) -> None:
        """Called after a tool has run, with what the model will get."""

    @hookspec
    def on_session_start(self, session: str, root: str) -> None:
        """Called when a conversation begins, with its id and the folder."""

    @hookspec
    def on_review(self, edit: "Edit") -> "str | Awaitable[str | None] | None":
        """Called before an edit of the person's files or cells is applied, as it will be applied. Return a
        reason to refuse it, or None. May be async; one that fails refuses."""

    @hookspec
    def on_event(self, event: "Event") -> None:
        """Called for every event. Must be quick; slow work belongs in a thread."""


class Plugins(pluggy.PluginManager):
    """The manager, with what is wrong with packages that offer something."""

    def __init__(self) -> None:
        super().__init__(PROJECT)
        self.problems: list[str] = []


class Offered(NamedTuple):
    """Something that a package offers."""

    package: str
    value: Any


def plugin_manager(*, discover: bool = True) -> Plugins:
    """A manager with the specs; ``discover`` loads what installed packages offer. One that cannot be loaded
    does not keep us from starting."""
    manager = Plugins()
    manager.add_hookspecs(Specs)
    for entry in importlib.metadata.entry_points(group=PROJECT) if discover else ():
        try:
            manager.register(entry.load(), name=entry.name)
        except Exception as error:
            manager.problems.append(f"The package {entry.name} cannot be used: {_told(error)}.")
    return manager


def offers(manager: Plugins, hook: str) -> list[Offered]:
    """All that packages offer by one hook, in a list or a dict; what fails is among the problems."""
    found: list[Offered] = []
    for package, caller in _callers(manager, hook):
        try:
            for answer in caller():
                values = answer.items() if isinstance(answer, dict) else answer
                found += [Offered(package, value) for value in values]
        except Exception as error:
            manager.problems.append(f"The package {package} failed in {hook}: {_told(error)}.")
    return found


async def refusals(manager: pluggy.PluginManager, hook: str, **said: Any) -> list[str]:
    """Why packages refuse what they are asked about; each gets a copy of its own."""
    found: list[str] = []
    for package, caller in _callers(manager, hook):
        try:
            for answer in caller(**copy.deepcopy(said)):
                reason = await answer if inspect.isawaitable(answer) else answer
                found += [str(reason)] if reason else []
        except Exception as error:
            _log.exception("the package %s failed in %s", package, hook)
            found.append(f"the package {package} failed in {hook}: {_told(error)}")
    return found


def tell(manager: pluggy.PluginManager, hook: str, **said: Any) -> None:
    """Tell all packages of something; what fails is in the log."""
    for package, caller in _callers(manager, hook):
        try:
            caller(**said)
        except Exception:
            _log.exception("the package %s failed in %s", package, hook)


def _callers(manager: pluggy.PluginManager, hook: str) -> Iterator[tuple[str, Any]]:
    """A caller for each package that has the hook."""
    all_of_them = getattr(manager.hook, hook).get_hookimpls()
    plugins = list(dict.fromkeys(each.plugin for each in reversed(all_of_them)))
    for plugin in plugins:
        others = [other for other in plugins if other is not plugin]
        caller = manager.subset_hook_caller(hook, others) if others else getattr(manager.hook, hook)
        yield manager.get_name(plugin) or type(plugin).__name__, caller


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip(": ")[:300]
