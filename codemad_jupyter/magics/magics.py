"""The IPython extension: registers ``%codemad`` and ``%%codemad`` and turns errors into short messages."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from codemad_jupyter.magics.arguments import read_cell, read_line, usage
from codemad_jupyter.magics.canvas import show_text
from codemad_jupyter.magics.completing import offer

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

    from codemad_jupyter.magics.arguments import Ask
    from codemad_jupyter.magics.conversation import Conversation
from codemad_jupyter.magics.subcommand_forms import Subcommand

NAME = "codemad"
RED, RESET = "\x1b[31m", "\x1b[0m"
TAKEN = re.compile(rf"^[ \t]*%{NAME}[ \t]+\S.*\?[ \t]*$", re.MULTILINE)
HELP_TAKEN = (
    f"IPython took the line for a request of its own help, for it ends in a question mark; %{NAME} was not"
    f" asked. Leave the mark out, or ask in a %%{NAME} cell."
)


class Magics:
    """What the two magics do in one shell. The engine side is imported when it is first used."""

    def __init__(self, ip: InteractiveShell) -> None:
        self.ip = ip
        self._conversation: Conversation | None = None

    @property
    def conversation(self) -> Conversation:
        """Made at first use."""
        if self._conversation is None:
            from codemad_jupyter.magics.conversation import Conversation

            self._conversation = Conversation(self.ip)
        return self._conversation

    def line(self, line: str) -> Any:
        """Ask CodeMAD, or give it a subcommand; what is returned is the cell's value."""
        known = self._conversation.edits.known if self._conversation is not None else None
        return self._guarded(lambda: self._do(read_line(line, known)))

    def cell(self, line: str, cell: str | None = None) -> Any:
        """Ask CodeMAD; the cell is the question."""
        return self._guarded(lambda: self._do(read_cell(line, cell or "")))

    def either(self, line: str, cell: str | None = None) -> Any:
        return self.line(line) if cell is None else self.cell(line, cell)

    def slash_names(self, letters: str) -> list[str]:
        """The slash commands that begin so; those of packages once the engine has been asked something."""
        from codemad_jupyter.orchestrator.slash import BUILT_IN, completions
        from codemad_jupyter.protocol.errors import CodemadError

        try:
            found = self._conversation.commands(letters) if self._conversation is not None else ()
        except CodemadError:
            found = ()  # nobody is told of an engine that is away while typing
        return [each.name for each in found or completions(letters, BUILT_IN)]

    def heard(self, result: ExecutionResult) -> None:
        """After each cell: a question that IPython took for one to its own help gets a word of ours."""
        cell = getattr(result.info, "raw_cell", None) or ""
        if "?" in cell and not cell.lstrip().startswith("%%") and TAKEN.search(cell):
            show_text(self.ip, HELP_TAKEN)

    def close(self) -> None:
        """Let go of the engine."""
        if self._conversation is not None:
            self._conversation.close()

    def _do(self, wanted: Ask | Subcommand) -> Any:
        from codemad_jupyter.magics.arguments import Ask
        from codemad_jupyter.magics.sql import ask_sql
        from codemad_jupyter.magics.subcommands import perform

        if isinstance(wanted, Ask):
            self.conversation.ask(wanted)
        elif wanted.name == "help" and not wanted.word:
            show_text(self.ip, usage())
        elif wanted.name == "sql":
            return ask_sql(wanted.word, self.conversation, self.ip)
        else:
            perform(wanted, self.conversation, self.ip)
        return None

    def _guarded(self, work: Callable[[], Any]) -> Any:
        """Errors of ours fail the cell with a sentence in place of a traceback."""
        from codemad_jupyter.protocol.errors import CodemadError

        try:
            return work()
        except CodemadError as error:
            raise self._styled(error, f"{type(error).__name__}: {error.message}", error.hint) from None
        except KeyboardInterrupt as error:
            raise self._styled(error, "Cancelled.", str(error)) from None

    def _styled(self, error: Any, sentence: str, hint: str) -> Any:
        """IPython asks an exception for its traceback; these have a sentence instead."""
        from codemad_jupyter.app.plain_text import plain_text

        plain = bool(os.environ.get("NO_COLOR")) or self.ip.colors.lower() == "nocolor"
        said = plain_text(sentence) if plain else f"{RED}{plain_text(sentence)}{RESET}"
        lines = [said, *filter(None, [plain_text(hint)])]
        error._render_traceback_ = lambda: lines
        return error


def load(ip: InteractiveShell) -> None:
    """Register the magics."""
    magics = Magics(ip)
    for kind in ("line", "cell"):
        ip.magics_manager.magics[kind][NAME] = magics.either
    offer(ip, magics.slash_names)
    ip.events.register("post_run_cell", magics.heard)
    _loaded[id(ip)] = magics


def unload(ip: InteractiveShell) -> None:
    """Take the magics away and close what they opened."""
    magics = _loaded.pop(id(ip), None)
    if magics is not None:
        ip.events.unregister("post_run_cell", magics.heard)
        magics.close()
    for kind in ("line", "cell"):
        ip.magics_manager.magics[kind].pop(NAME, None)


_loaded: dict[int, Magics] = {}
