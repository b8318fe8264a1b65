"""The hooks through which other packages add behaviour, and the manager that finds them.

A package offers hooks under the entry-point group ``codemad_jupyter``. A hook that fails is named
in the error and does not stop the others; `before_tool` is the exception: it fails closed.
"""

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from codemad_jupyter.protocol.events import Event

PROJECT = "codemad_jupyter"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Specs:
    """The hooks. Implement any of them in a module or class and mark it with `hookimpl`."""

    @hookspec
    def register_tools(self) -> Any:
        """Return a list of Tool objects (or async functions) that agents may call."""

    @hookspec
    def register_providers(self) -> Any:
        """Return a dict of provider name to Provider; their models are named ``name/model``."""

    @hookspec
    def register_commands(self) -> Any:
        """Return a list of `protocol.slash.SlashCommand`: words that a person may begin a prompt with."""

    @hookspec
    def before_tool(self, tool: str, arguments: dict[str, Any]) -> str | None:
        """Called before a tool runs. Return a reason to refuse the call, or None to let it go on."""

    @hookspec
    def after_tool(self, tool: str, arguments: dict[str, Any], content: str, is_error: bool) -> None:
        """Called after a tool has run, with what the model will get."""

    @hookspec
    def on_event(self, event: "Event") -> None:
        """Called for every finished event. Must be quick; slow work belongs in a thread."""


def plugin_manager(*, discover: bool = True) -> pluggy.PluginManager:
    """A manager with the specs; ``discover`` loads what installed packages offer."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Specs)
    if discover:
        manager.load_setuptools_entrypoints(PROJECT)
    return manager
