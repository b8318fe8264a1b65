"""``codemad plan``: the plan of the folder's current conversation, through the Jupyter server that serves it
where one runs, else with an engine in this process."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from codemad_jupyter.batch.memory import common_options
from codemad_jupyter.batch.subcommand import subcommand

if TYPE_CHECKING:
    from codemad_jupyter.app.client import EngineClient
    from codemad_jupyter.batch.subcommand import Commands


def add_plan(commands: Commands) -> None:
    """``codemad plan``."""
    from codemad_jupyter.app.plan_words import add_plan_verbs

    plan = subcommand(commands, "plan", "show, change, approve and drop the plan of the conversation")
    add_plan_verbs(plan, common=[common_options()])
    plan.set_defaults(perform=_perform)


def _perform(asked: argparse.Namespace) -> int:
    from codemad_jupyter.app.plan_commands import perform
    from codemad_jupyter.batch.timeline import client_of
    from codemad_jupyter.protocol.errors import UsageError

    if asked.verb is None:
        raise UsageError("What is to be done with the plan?", hint="See: codemad plan --help")
    with client_of(asked.root) as client:
        if asked.verb == "approve":
            return _carry_out(client, as_json=asked.json)
        answer = perform(client, asked, session=client.session())
    print(json.dumps(answer.data, indent=2) if asked.json else answer.text)
    return 0


def _carry_out(client: EngineClient, *, as_json: bool) -> int:
    """Run it and print what happens, as ``codemad ask`` does."""
    from codemad_jupyter.app.plan_commands import approval
    from codemad_jupyter.batch.printing import EventPrinter
    from codemad_jupyter.protocol.commands import Target
    from codemad_jupyter.protocol.events import RunFinished

    printer, done = EventPrinter(json=as_json), False
    for event in client.follow(
        client.submit(approval(client, client.session(), target=Target(), edge="cli"))
    ):
        printer.show(event)
        if isinstance(event, RunFinished):
            done = event.status == "done"
            if not as_json:
                printer.say(event.text)
    return 0 if done else 1
