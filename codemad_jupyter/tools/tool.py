"""Tools: a name, a schema made from a function's signature, a risk, and the call itself.

Owns `Tool`, `ToolContext` and the registry. Which calls are let through is decided in
`permissions` and carried out in `executor`.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from codemad_jupyter.context.diagnostics.service import Diagnostics
from codemad_jupyter.gateway.provider import ToolSpec
from codemad_jupyter.notebooks.outputs import LIMIT
from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import KernelError, NotFound, ToolError, UsageError
from codemad_jupyter.protocol.events import Event
from codemad_jupyter.protocol.kernels import NotebookView
from codemad_jupyter.protocol.messages import ImagePart
from codemad_jupyter.protocol.permissions import Axis, Risk
from codemad_jupyter.tools.jobs import Commands
from codemad_jupyter.tools.proposals import new_cell_id
from codemad_jupyter.tools.reach import (
    AsksPerson,
    Finder,
    KeepsPlan,
    Proposals,
    RemembersFacts,
    SendsExplorers,
    WorksInTeam,
)


def _unheard(text: object) -> None:
    """Where nobody listens while a tool runs."""


async def _nobody(question: str) -> bool:
    """Where no person can be asked while a tool runs."""
    return False


def _any(path: str) -> bool:
    """Where no rule speaks of paths."""
    return True


@dataclass(frozen=True, kw_only=True)
class ToolContext:
    """What a tool may reach during one run."""

    root: Path
    target: Target
    kernel: KernelPort | None
    notebook: NotebookPort | None
    proposals: Proposals
    inspect_deadline: float = 0.5
    seen: dict[str, str] = field(default_factory=dict)
    """Hash of each file and cell as the model last saw it, by path or ``notebook#cell``."""
    say: Callable[[str], object] = _unheard
    """Tells the person what comes out while the tool runs."""
    ask: Callable[[str], Awaitable[bool]] = _nobody
    """Asks the person while the tool runs; no where nobody can be asked."""
    may_read: Callable[[str], bool] = _any
    """Do the rules let this call read the path?"""
    prepared: Any = None
    """What the tool has found out before the gate: see `Prepared`."""
    images: bool = False
    """May images among the outputs go to the model?"""
    output_limit: int = LIMIT
    """Characters of outputs in one answer."""
    cell_id: Callable[[], str] = new_cell_id

    def new_cell(self, view: NotebookView) -> str:
        """An id for a new cell, which none of the notebook has."""
        taken = {cell.id for cell in view.cells}
        return next(id for id in iter(self.cell_id, "") if id not in taken)

    finder: Finder | None = None
    """Searches the workspace."""
    diagnostics: Diagnostics | None = None
    """The language servers of the workspace."""
    memory: RemembersFacts | None = None
    plan: KeepsPlan | None = None
    commands: Commands | None = None
    """Runs commands in the sandbox."""
    asked: bool = False
    """Has a person said yes to exactly this call?"""
    explorers: SendsExplorers | None = None
    person: AsksPerson | None = None
    team: WorksInTeam | None = None
    announce: Callable[[Event], object] = _unheard
    """Says something as this run."""

    def need_kernel(self) -> KernelPort:
        """The kernel, or an error that says how to get one."""
        if self.kernel is None:
            raise KernelError(
                "No kernel is connected to this conversation.",
                hint="Open a notebook with a running kernel, use %codemad inside one, or in a terminal"
                " codemad ask --execute-notebook.",
            )
        return self.kernel

    def need_notebook(self) -> tuple[NotebookPort, str]:
        """The notebook port and path, or an error that says how to get one."""
        if self.notebook is None or self.target.notebook is None:
            raise NotFound(
                "No notebook is open in this conversation.",
                hint="Open a notebook in JupyterLab, or name one with --notebook.",
            )
        return self.notebook, self.target.notebook


@dataclass(frozen=True)
class Answer:
    """A tool's result with images beside it."""

    value: Any
    images: tuple[ImagePart, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """What a call will really do: the arguments that the gate decides on, and what the tool goes on with."""

    arguments: dict[str, Any]
    work: Any = None


ToolFunction = Callable[..., Awaitable[Any]]
Prepare = Callable[[ToolContext, Mapping[str, Any]], Awaitable[Prepared]]


AXES: dict[Risk, Axis] = {
    "read": "files",
    "write": "files",
    "execute": "kernel_mutate",
    "network": "network",
}
"""What a tool reaches that does not say so: of what executes, the most that it could."""


@dataclass(frozen=True)
class Tool:
    """A tool. ``arguments`` validates a call; ``account`` says in a few words what a result holds."""

    name: str
    description: str
    risk: Risk
    function: ToolFunction
    arguments: type[BaseModel]
    account: Callable[[Any], str] | None = None
    axis: Axis | None = None
    reason: str = ""
    """What a person is told when the tool asks for approval, where its risk does not say it all."""
    prepare: Prepare | None = None
    """Finds out what a call will really do, where its own arguments do not say it."""

    @property
    def reaches(self) -> Axis:
        """What the tool reaches: what it says of itself, else the most that its risk could mean."""
        return self.axis or AXES[self.risk]

    @cached_property
    def spec(self) -> ToolSpec:
        """The tool as a model sees it; made once, for every prompt sends it and pydantic takes its time."""
        schema = self.arguments.model_json_schema()
        schema.pop("title", None)
        return ToolSpec(name=self.name, description=self.description, parameters=schema)

    def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments, validated; raises `ToolError` that names each wrong one."""
        try:
            model = self.arguments.model_validate(arguments)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
            raise ToolError(f"Wrong arguments for {self.name}: {wrong}.") from error
        return {name: getattr(model, name) for name in type(model).model_fields}


def tool(
    risk: Risk,
    *,
    axis: Axis | None = None,
    account: Callable[[Any], str] | None = None,
    reason: str = "",
    prepare: Prepare | None = None,
) -> Callable[[ToolFunction], Tool]:
    """Make a Tool of an async function whose first parameter is the `ToolContext`. One that runs a command
    line has the axis ``shell`` and an argument ``command``, or prepares one."""

    def make(function: ToolFunction) -> Tool:
        hints = get_type_hints(function, include_extras=True)
        fields: dict[str, Any] = {}
        for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[name] = (hints[name], Field(default))
        name = function.__name__
        model = create_model(f"{name}_arguments", __config__=ConfigDict(extra="forbid"), **fields)
        text = inspect.getdoc(function) or name
        return Tool(name, text, risk, function, model, account, axis, reason, prepare)

    return make


class Registry:
    """Tools by name."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for each in tools:
            self.add(each)

    def add(self, new: Tool) -> None:
        """Add a tool; a second one of the same name is a `UsageError`."""
        if new.name in self._tools:
            raise UsageError(f"There is a tool named {new.name} already.", hint="Give it another name.")
        self._tools[new.name] = new

    def __contains__(self, name: str) -> bool:
        return name in self._tools

    def get(self, name: str) -> Tool:
        """The tool, or a `ToolError` that lists what there is."""
        if name not in self._tools:
            raise ToolError(f"There is no tool named {name}.", hint=f"Tools: {', '.join(self._tools)}.")
        return self._tools[name]

    def only(self, keep: Callable[[Tool], bool]) -> "Registry":
        """Those of the tools that ``keep`` says yes to; the others are not there at all."""
        return Registry(filter(keep, self._tools.values()))

    @property
    def tools(self) -> tuple[Tool, ...]:
        """All tools, in a stable order."""
        return tuple(self._tools.values())

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """All tools as a model sees them, in a stable order."""
        return tuple(each.spec for each in self._tools.values())
