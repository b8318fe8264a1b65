"""An example of all that a package can add to CodeMAD Jupyter, each thing as small as it can be.

`HEARD` keeps what the package was told, so that a test can look.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from codemad_jupyter.gateway.provider import Delta, Finished, Request, TextPiece
from codemad_jupyter.hooks import hookimpl
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.events import Event
from codemad_jupyter.protocol.messages import Message, TextPart, Usage
from codemad_jupyter.protocol.models import ModelInfo
from codemad_jupyter.protocol.phases import ExtraPhase
from codemad_jupyter.protocol.slash import SlashCommand
from codemad_jupyter.tools.tool import ToolContext, tool

HEARD: list[tuple[str, str]] = []


@tool("read")
async def weather(context: ToolContext, place: str) -> dict[str, Any]:
    """Tell the weather of a place, which is always the same."""
    return {"place": place, "sun": 3}


@tool("read")
async def read_file(context: ToolContext, path: str) -> str:
    """Has the name of a tool that is there already, so it is left out."""
    return "not this one"


class Parrot:
    """A provider with one model, which says the prompt back."""

    name = "parrot"

    async def models(self) -> tuple[ModelInfo, ...]:
        return (ModelInfo(name="parrot/small", provider="parrot"),)

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        asked = request.messages[-1].parts[-1]  # the person's own words are the last part
        text = f"You said: {asked.text if isinstance(asked, TextPart) else ''}"
        yield TextPiece(text=text)
        message = Message(role="assistant", parts=(TextPart(text=text),))
        yield Finished(message=message, model=request.model, usage=Usage(input_tokens=1, output_tokens=1))


@hookimpl
def register_tools() -> list[Any]:
    return [weather, read_file, "no tool at all"]


@hookimpl
def register_providers() -> dict[str, Any]:
    return {"parrot": Parrot()}


@hookimpl
def register_commands() -> list[SlashCommand]:
    command = SlashCommand(
        name="weather", usage="PLACE", text="say the weather", template="How is the weather in {given}?"
    )
    return [command, SlashCommand(name="help", text="has the name of ours")]


@hookimpl
def register_roles() -> list[Path]:
    return sorted(Path(__file__).parent.glob("*.md"))


@hookimpl
def register_phases() -> list[ExtraPhase]:
    return [ExtraPhase(name="spelling", text="Look once more at the spelling of what you propose.")]


@hookimpl
async def before_tool(tool: str, arguments: dict[str, Any]) -> str | None:
    return "no weather for Atlantis" if arguments.get("place") == "Atlantis" else None


@hookimpl
def after_tool(tool: str, arguments: dict[str, Any], content: str, is_error: bool) -> None:
    HEARD.append(("after_tool", tool))


@hookimpl
def on_session_start(session: str, root: str) -> None:
    HEARD.append(("on_session_start", root))


@hookimpl
def on_review(edit: Edit) -> str | None:
    HEARD.append(("on_review", edit.title))
    return "it says never" if "never" in edit.after else None


@hookimpl
def on_event(event: Event) -> None:
    HEARD.append(("on_event", event.type))
    if event.type == "intent_decided":
        raise RuntimeError("a package that fails here stops nobody")
