"""Values about servers of the Model Context Protocol: how one is defined, and what it offers."""

from typing import Any, Literal

from pydantic import Field

from codemad_jupyter.protocol.base import Value


class McpServer(Value):
    """A server as settings define it: a ``command`` with its arguments, or a ``url``.

    ``env`` lists what the command's environment gets besides the usual few: ``NAME`` is passed on from
    ours, ``NAME=value`` is set. ``bearer_env`` names the variable with the token for a ``url``.
    """

    command: str = ""
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    url: str = ""
    bearer_env: str = ""
    timeout: float = Field(default=60.0, gt=0, le=600)


class McpDefinition(Value):
    """A server with its name and where its definition stands: in the person's own settings, or in a file of
    the project. ``problem`` says why it cannot be used."""

    name: str
    server: McpServer
    origin: Literal["own", "project"]
    place: str
    problem: str = ""


class McpTool(Value):
    """A tool as its server describes it: text of a stranger."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)


class McpOffer(Value):
    """All that a server offers: tools, prompts and resources, these two with a line each."""

    tools: tuple[McpTool, ...] = ()
    prompts: dict[str, str] = Field(default_factory=dict)
    resources: dict[str, str] = Field(default_factory=dict)


class McpStatus(Value):
    """How things stand with one server."""

    name: str
    origin: Literal["own", "project"]
    place: str
    runs: str
    """What would run, or the address."""
    env: tuple[str, ...] = ()
    """Names of variables it would get."""
    digest: str = ""
    state: Literal["approved", "new", "changed", "off"]
    detail: str = ""
    tools: tuple[str, ...] = ()
