"""The tool by which a model sends out an explorer."""

from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.tools.tool import ToolContext, tool


@tool("read", account=lambda report: f"a report of {len(report):,} characters")
async def delegate(context: ToolContext, task: str, role: str = "analyst") -> str:
    """Send out an explorer that looks into something by itself and reports back in at most 300 words: it
    reads files, cells and variables, and changes nothing. Use it for a search through many files or a
    question with a short answer, so that what it reads does not fill this conversation; several in one
    message work side by side. The task must stand by itself. Roles: analyst, architect, security, reviewer,
    or one of the person's."""
    if context.explorers is None:
        raise ToolError("Nobody can be sent out here.", hint="Look yourself.")
    return await context.explorers.explore(role, task)


TOOLS = (delegate,)
