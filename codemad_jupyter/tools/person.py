"""The tool by which a model asks the person something that only they can know."""

from collections.abc import Sequence

from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.tools.tool import ToolContext, tool

LONGEST, MOST_OPTIONS, LONGEST_OPTION = 2_000, 6, 200


@tool("read", account=lambda answer: "the person answered")
async def ask_person(context: ToolContext, question: str, options: list[str] | None = None) -> str:
    """Ask the person one short question, and wait for the answer: what they want where it is not clear, which
    of several ways to take, what only they can know. Look first whether files, the notebook or the kernel
    tell it; do not ask for leave, which is asked for by itself. Options, if any, are answers that can be
    chosen at a click; the person may write another one."""
    if context.person is None:
        raise ToolError(
            "Nobody can be asked here.",
            hint="Choose what is easiest to take back, and say what you assumed.",
        )
    chosen = tuple(option.strip() for option in options or ())
    if not question.strip() or len(question) > LONGEST:
        raise ToolError(f"A question has 1 to {LONGEST:,} characters.", hint="Ask one thing.")
    if not can_be_chosen(chosen):
        said = f"At most {MOST_OPTIONS} options of 1 to {LONGEST_OPTION} characters can be offered."
        raise ToolError(said, hint="Offer fewer, or ask without options.")
    return await context.person.ask(question.strip(), tuple(dict.fromkeys(chosen)))


def can_be_chosen(options: Sequence[str]) -> bool:
    """Can these be shown as answers at a click?"""
    return len(options) <= MOST_OPTIONS and all(0 < len(each) <= LONGEST_OPTION for each in options)


TOOLS = (ask_person,)
