"""Values about hook scripts: programs that hear of what happens, and may refuse it."""

from typing import Literal

from pydantic import Field

from codemad_jupyter.protocol.base import Value

HookName = Literal["before_tool", "after_tool", "on_session_start", "on_review", "on_event"]


class HookScript(Value):
    """A program that is run with JSON on its standard input. Exit code 2 refuses (before_tool, on_review),
    with its standard error as the reason; 0 lets it go on.

    Anything else is a failure of the script: with ``closed`` it refuses, too. ``tool`` is a pattern of tools'
    names. ``env`` lists what its environment gets besides the usual few: ``NAME`` is passed on from ours,
    ``NAME=value`` is set.
    """

    on: tuple[HookName, ...] = ()
    command: str = ""
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    tool: str = "*"
    seconds: float = Field(default=10.0, gt=0, le=60)
    closed: bool = False
