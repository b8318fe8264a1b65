"""What Tab offers after ``%codemad``: subcommands, options, and the slash commands of a question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from IPython.core.interactiveshell import InteractiveShell

LINE, CELL = "%codemad", "%%codemad"


def offer(ip: InteractiveShell, slash_names: Callable[[str], Iterable[str]]) -> None:
    """Let the shell ask here. ``slash_names`` gives the commands that begin with some letters."""

    def complete(shell: Any, event: Any) -> list[str]:
        return completions(event.text_until_cursor, slash_names)

    for name in (LINE, CELL):
        ip.set_hook(  # type: ignore[no-untyped-call]
            "complete_command", complete, str_key=name
        )


def completions(text: str, slash_names: Callable[[str], Iterable[str]]) -> list[str]:
    """What may stand for the word that ends the text."""
    from codemad_jupyter.magics.arguments import OPTIONS
    from codemad_jupyter.magics.subcommand_texts import SUBCOMMANDS

    name, _, rest = text.lstrip().partition(" ")
    words = rest.split(" ")
    last = words[-1]
    if last.startswith("-"):
        return [option for option in OPTIONS if option.startswith(last)]
    if any(word and not word.startswith("-") for word in words[:-1]):
        return []  # within a question, where the shell's own names are of more use
    if last.startswith("/"):
        return [f"/{each}" for each in slash_names(last)]
    # A cell is always a question.
    return [each for each in SUBCOMMANDS if each.startswith(last)] if name == LINE else []
