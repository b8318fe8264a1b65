"""Tools of the agents of a team: give out a task, and write to the others. Nobody else sees them."""

from typing import Literal

from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.tools.reach import WorksInTeam
from codemad_jupyter.tools.tool import ToolContext, tool

MOST_TEXT = 4_000


def _team(context: ToolContext) -> WorksInTeam:
    if context.team is None:
        raise ToolError("There is no team here.", hint="Do it yourself.")
    return context.team


@tool("read", account=lambda report: f"a report of {len(report):,} characters")
async def assign(context: ToolContext, task: str, role: str = "coder") -> str:
    """Give a piece of the work to another agent, and wait for its report. It works in a folder of its own and
    sees nothing of this conversation: say all it needs to know. Several in one message work side by side, so
    give them pieces that touch different files. Roles: coder, tester, documenter, analyst, reviewer, or one
    of the person's. The report is what it says, not proof."""
    return await _team(context).assign(role, task)


@tool("read", account=lambda said: said)
async def tell_agent(
    context: ToolContext, text: str, to: str = "", kind: Literal["notice", "question", "progress"] = "notice"
) -> str:
    """Write to another agent of the team (to: its name), or to all. It is read when that agent works next."""
    if not text.strip() or len(text) > MOST_TEXT:
        raise ToolError(f"A message has 1 to {MOST_TEXT:,} characters.", hint="Say it in fewer words.")
    return _team(context).tell(text, to or None, kind)


COORDINATES = (assign,)
TELLS = (tell_agent,)
TOOLS = (*COORDINATES, *TELLS)
