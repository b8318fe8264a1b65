"""``codemad merge``: what git could not merge in a notebook, as choices, and the merged notebook."""

from __future__ import annotations

import asyncio
import json as json_format
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.batch.desk import Desk, placed
from codemad_jupyter.protocol.commands import NewSession, ResolveMerge
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.events import RunFinished
from codemad_jupyter.protocol.merging import MergeChoice, MergeConflict, MergeView

SIDES: tuple[MergeChoice, ...] = ("ours", "theirs", "both", "base")


@dataclass(frozen=True, kw_only=True)
class Merging:
    """What to merge. ``take`` is for all conflicts that ``choices`` (``N=SIDE``) do not name."""

    notebook: Path
    take: MergeChoice | None = None
    choices: tuple[str, ...] = ()
    check: bool = False
    json: bool = False


def merge(order: Merging) -> int:
    """List the conflicts or, where each has its choice, write the notebook; the exit code."""
    if not order.notebook.is_file():
        raise UsageError(
            f"{order.notebook} does not exist.", hint="Name a notebook that git could not merge."
        )
    return asyncio.run(_merge(order))


async def _merge(order: Merging) -> int:
    root, target = placed(order.notebook)
    engine = await Desk(root, target).engine(policy="deny")
    try:
        path = target.notebook or ""
        view = await engine.merge_view(path)
        choices = chosen(view, order.take, order.choices)
        left = [each.number for each in view.conflicts if each.number not in choices]
        written = False
        if not left and not order.check:
            session = (await engine.submit(NewSession())).session
            command = ResolveMerge(
                session=session, notebook=path, digest=view.digest, choices=choices, edge="cli"
            )
            ack = await engine.submit(command)
            for event in await engine.stored(session, after=ack.seq):
                if isinstance(event, RunFinished):
                    written = event.status == "done"
                    left = left if written else [0]
                    print(event.text if not order.json else "", end="" if order.json else "\n")
    finally:
        await engine.close()
    if order.json:
        print(json_format.dumps({**view.model_dump(), "open": left, "written": written}, indent=2))
    elif not written:
        print(_text(view, choices))
    return 1 if left else 0


def chosen(view: MergeView, take: MergeChoice | None, words: tuple[str, ...]) -> dict[int, MergeChoice]:
    """The choices by number. Raises `UsageError` for a word that is none."""
    choices: dict[int, MergeChoice] = {}
    for each in view.conflicts:
        if take is not None and (take != "both" or each.both):
            choices[each.number] = take
    for word in words:
        number, _, name = word.partition("=")
        side = next((side for side in SIDES if side == name), None)
        if not number.isdecimal() or side is None:
            raise UsageError(f"{word!r} is no choice.", hint="Write for example 2=theirs.")
        choices[int(number)] = side
    return choices


def _text(view: MergeView, choices: dict[int, MergeChoice]) -> str:
    lines = [f"{view.notebook}: {len(view.conflicts)} conflicts, {view.settled} changes merge by themselves."]
    for each in view.conflicts:
        lines += _lines(each, choices.get(each.number))
    lines.append("Choose with --choose N=ours|theirs|both|base, or --take SIDE for all the others.")
    return "\n".join(lines)


def _lines(conflict: MergeConflict, choice: MergeChoice | None) -> list[str]:
    where = f"cell {conflict.cell}" if conflict.cell else conflict.part
    lines = ["", f"[{conflict.number}] {where} ({conflict.part}){f': {choice}' if choice else ''}"]
    for name, text in (("base", conflict.base), ("ours", conflict.ours), ("theirs", conflict.theirs)):
        shown = text.splitlines() or ["(nothing)"]
        lines += [f"  {name}:", *(f"    {line}" for line in shown[:20])]
        if len(shown) > 20:
            lines.append(f"    [… {len(shown) - 20} more lines …]")
    return lines
