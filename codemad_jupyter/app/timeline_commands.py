"""``checkpoints`` as a command with words after it: the same on the command line and behind the magic.

Reads the words, asks the engine through a client, and answers with text and with data for JSON.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from codemad_jupyter.app.client import EngineClient
from codemad_jupyter.app.timeline_text import (
    diff_text,
    info_text,
    list_text,
    pick,
    restored_text,
)
from codemad_jupyter.app.timeline_words import add_verbs
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.errors import CodemadError, UsageError
from codemad_jupyter.protocol.events import CheckpointMade, CheckpointsChanged, Event, Restored
from codemad_jupyter.protocol.wording import counted


@dataclass(frozen=True)
class Answer:
    """What to print; ``ok`` is false where something was left undone."""

    text: str
    data: Any
    ok: bool = True


class _Words(argparse.ArgumentParser):
    """Says what is wrong by an exception: nobody is to be thrown out of a notebook."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"checkpoints: {message}.", hint=self.format_usage().strip())


def read_words(words: Sequence[str]) -> argparse.Namespace:
    """What was typed after ``checkpoints``. Raises `UsageError`."""
    parser = _Words(prog="%codemad checkpoints", add_help=False)
    add_verbs(parser)
    return parser.parse_args([*words] or ["list"])


def perform(client: EngineClient, asked: argparse.Namespace, *, session: str, notebook: str | None) -> Answer:
    """Do what was asked. ``session`` takes new checkpoints, ``notebook`` is where the person stands."""
    if asked.verb in (None, "list"):
        infos = client.checkpoints(getattr(asked, "session", None))
        return Answer(list_text(infos), {"checkpoints": [info.model_dump() for info in infos]})
    if asked.verb == "prune":
        return _prune(client, asked, session)
    if asked.verb == "make":
        target = cmd.Target(notebook=asked.notebook or notebook)
        make = cmd.MakeCheckpoint(session=session, name=" ".join(asked.name), target=target)
        made = _last(client, make)
        return Answer(_made(made), made.model_dump())
    infos = client.checkpoints()
    found = pick(infos, asked.old if asked.verb == "diff" else asked.checkpoint)
    if asked.verb == "show":
        return Answer(info_text(found), found.model_dump())
    if asked.verb == "diff":
        other = pick(infos, asked.new).id if asked.new else None
        diff = client.checkpoint_diff(found.id, other)
        return Answer(diff_text(diff), diff.model_dump())
    if asked.verb == "name":
        name = cmd.NameCheckpoint(session=found.session, checkpoint=found.id, name=" ".join(asked.name))
        return _changed(_last(client, name))
    paths = tuple(asked.paths) or None
    restore = cmd.RestoreCheckpoint(session=found.session, checkpoint=found.id, paths=paths)
    event = _last(client, restore)
    if not isinstance(event, Restored):
        raise _unsaid()
    return Answer(restored_text(event), event.model_dump(), ok=not event.conflicts)


def _prune(client: EngineClient, asked: argparse.Namespace, session: str) -> Answer:
    limits = {"days": asked.days, "keep": asked.keep, "size": asked.size}
    if all(limit is None for limit in limits.values()):
        raise UsageError("prune needs a limit.", hint="Give --days, --keep or --size.")
    if any(limit is not None and limit < 0 for limit in limits.values()):
        raise UsageError("A limit cannot be negative.", hint="Give 0 or more.")
    return _changed(_last(client, cmd.PruneCheckpoints(session=session, named=asked.named, **limits)))


def _changed(event: Event) -> Answer:
    if not isinstance(event, CheckpointsChanged):
        raise _unsaid()
    return Answer(event.text, {"text": event.text})


def _made(event: Event) -> str:
    if not isinstance(event, CheckpointMade):
        raise _unsaid()
    held = counted(event.files, "file") + "".join(f", {path}" for path in event.notebooks)
    return f"Made {event.checkpoint.removeprefix('checkpoint-')}: {held}."


def _last(client: EngineClient, command: cmd.Command) -> Event:
    last: Event | None = None
    for event in client.follow(client.submit(command)):
        last = event
    if last is None:
        raise _unsaid()
    return last


def _unsaid() -> CodemadError:
    return CodemadError("The engine did not say what it did.", hint="List the checkpoints to see.")
