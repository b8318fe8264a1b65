"""Values about agents from elsewhere, which speak the Agent Client Protocol: how one is defined, how it
stands."""

from typing import Literal

from pydantic import Field

from codemad_jupyter.protocol.base import Value

Origin = Literal["own", "preset", "project"]


class ExternalAgent(Value):
    """An agent as settings define it: the ``command`` that speaks the protocol, with its arguments.

    ``env`` lists what its environment gets besides the usual few: ``NAME`` is passed on from ours,
    ``NAME=value`` is set. ``confined_env`` is more of this for when our sandbox holds it, in which an agent's
    own sandbox cannot start. ``folders`` are those of the home that it keeps its own settings and sign-in in;
    with ``network`` it reaches the network. ``seconds`` is what one task may take.
    """

    command: str = ""
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    confined_env: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    network: bool = False
    seconds: float = Field(default=1_800.0, gt=0, le=86_400)


class AgentDefinition(Value):
    """An agent with its name and where its definition stands. ``program`` is the file that would run;
    ``problem`` says why it cannot be used, ``sign_in`` what a person types to sign in to it."""

    name: str
    agent: ExternalAgent
    origin: Origin
    place: str
    program: str = ""
    problem: str = ""
    sign_in: str = ""


class ExternalAgentStatus(Value):
    """How things stand with one agent. ``runs`` is what would run, ``env`` are the names of variables that it
    would get."""

    name: str
    origin: Origin
    place: str
    runs: str
    env: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    network: bool = False
    seconds: float = 0.0
    digest: str = ""
    state: Literal["approved", "new", "changed", "off"]
    detail: str = ""
