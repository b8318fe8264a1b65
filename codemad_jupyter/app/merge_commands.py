"""``merge`` as a command with words after it: the same on the command line and behind the magic.

Reads the words, asks the engine through a client, and answers with text and with data for JSON.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import NoReturn

from codemad_jupyter.app.client import EngineClient
from codemad_jupyter.app.merge_words import SIDES, add_options
from codemad_jupyter.app.plain_text import one_line, plain_text
from codemad_jupyter.app.timeline_commands import Answer
from codemad_jupyter.protocol.commands import Edge, ResolveMerge
from codemad_jupyter.protocol.errors import CodemadError, UsageError
from codemad_jupyter.protocol.events import RunFinished
from codemad_jupyter.protocol.merging import MergeChoice, MergeConflict, MergeView

LONGEST = 20
"""Lines of a text that are shown."""


class _Words(argparse.ArgumentParser):
    """Says what is wrong by an exception: nobody is to be thrown out of a notebook."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"merge: {message}.", hint=self.format_usage().strip())


def read_words(words: Sequence[str]) -> argparse.Namespace:
    """What was typed after ``merge``; ``notebook`` may be None. Raises `UsageError`."""
    parser = _Words(prog="%codemad merge", add_help=False)
    parser.add_argument("notebook", nargs="?", metavar="NOTEBOOK")
    add_options(parser)
    return parser.parse_args([*words])


def perform(client: EngineClient, asked: argparse.Namespace, *, notebook: str, edge: Edge) -> Answer:
    """List the conflicts or, where each has its choice, write the notebook."""
    view = client.merge_view(notebook)
    choices = chosen(view, asked.take, asked.choose)
    left = [each.number for each in view.conflicts if each.number not in choices]
    data = {**view.model_dump(), "open": left, "written": False}
    if left or asked.check:
        return Answer(view_text(view, choices), data, ok=not left)
    command = ResolveMerge(
        session=client.session(), notebook=notebook, digest=view.digest, choices=choices, edge=edge
    )
    finished = _finished(client, command)
    if finished.status != "done":
        raise CodemadError(finished.text or f"{notebook} was not merged.", hint="Nothing was written.")
    return Answer(finished.text, {**data, "written": True})


def _finished(client: EngineClient, command: ResolveMerge) -> RunFinished:
    for event in client.follow(client.submit(command)):
        if isinstance(event, RunFinished):
            return event
    raise CodemadError("The engine did not say what it did.", hint="Look at the notebook.")


def chosen(view: MergeView, take: MergeChoice | None, words: Sequence[str]) -> dict[int, MergeChoice]:
    """The choices by number. Raises `UsageError` for a word that is none."""
    choices: dict[int, MergeChoice] = {}
    for each in view.conflicts:
        if take is not None and (take != "both" or each.both):
            choices[each.number] = take
    for word in words:
        number, _, name = word.partition("=")
        side = next((side for side in SIDES if side == name), None)
        if not (number.isascii() and number.isdecimal()) or side is None:
            raise UsageError(f"{word!r} is no choice.", hint="Write for example 2=theirs.")
        choices[int(number)] = side
    return choices


def view_text(view: MergeView, choices: Mapping[int, MergeChoice]) -> str:
    """Each conflict with its three sides, and how to choose."""
    name = one_line(view.notebook)
    lines = [f"{name}: {len(view.conflicts)} conflicts, {view.settled} changes merge by themselves."]
    for each in view.conflicts:
        lines += _lines(each, view, choices.get(each.number))
    sides = "|".join(SIDES)
    lines.append(f"Choose with --choose N={sides}, or --take SIDE for all the others.")
    return "\n".join(lines)


def _lines(conflict: MergeConflict, view: MergeView, choice: MergeChoice | None) -> list[str]:
    where = f"cell {one_line(conflict.cell)}" if conflict.cell else conflict.part
    lines = ["", f"[{conflict.number}] {where} ({conflict.part}){f': {choice}' if choice else ''}"]
    for side, name, text in (
        ("base", "", conflict.base),
        ("ours", view.ours_name, conflict.ours),
        ("theirs", view.theirs_name, conflict.theirs),
    ):
        shown = plain_text(text).splitlines() or ["(nothing)"]
        label = f"{side} ({one_line(name)})" if name else side
        lines += [f"  {label}:", *(f"    {line}" for line in shown[:LONGEST])]
        if len(shown) > LONGEST:
            lines.append(f"    [… {len(shown) - LONGEST} more lines …]")
    return lines
