"""The words after ``sessions`` that concern other people of the hub: share, unshare, shared, visit."""

import argparse
from collections.abc import Iterator

from codemad_jupyter.app.client import EngineClient
from codemad_jupyter.app.plain_text import one_line, plain_text
from codemad_jupyter.app.server_client import ServerClient
from codemad_jupyter.app.timeline_commands import Answer
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.errors import NotFound, UsageError
from codemad_jupyter.protocol.events import (
    Commented,
    EditProposed,
    Event,
    MessageDone,
    Notice,
    RunFinished,
    RunStarted,
    ShareChanged,
    ToolDone,
)
from codemad_jupyter.protocol.sharing import GuestWish, Share, SharedWithMe, SharingInfo


def share(client: EngineClient, asked: argparse.Namespace, session: str) -> Answer:
    """Share a session, or end that."""
    given = {"session": session, "guest": asked.guest}
    if asked.verb == "share":
        command: cmd.Command = cmd.ShareSession(**given, permission=asked.permission)
    else:
        command = cmd.UnshareSession(**given)
    events = list(client.follow(client.submit(command)))
    said = [event.text for event in events if isinstance(event, ShareChanged)]
    return Answer(one_line(said[-1], 500), {"events": [event.model_dump() for event in events]})


def listed(client: EngineClient) -> Answer:
    """What is shared, both ways."""
    found = client.sharing()
    return Answer(_listed_text(found), found.model_dump())


def visit(client: EngineClient, asked: argparse.Namespace) -> Answer:
    """Read somebody else's session, or say something in it."""
    there = pick(client.sharing(), asked.which)
    if asked.follow:
        raise UsageError("A session is followed in a terminal.", hint="codemad sessions visit … --follow")
    if asked.comment or asked.ask:
        return _say(client, asked, there)
    events = list(_events(client, there))
    lines = filter(None, (line(event, there.owner) for event in events))
    return Answer("\n".join(lines), {"events": [event.model_dump(mode="json") for event in events]})


def followed(client: EngineClient, asked: argparse.Namespace) -> Iterator[str]:
    """What is shown of the session as it goes on, without end."""
    there = pick(client.sharing(), asked.which)
    for event in _events(client, there, wait=True):
        if shown := event.model_dump_json() if asked.json else line(event, there.owner):
            yield shown


def line(event: Event, owner: str) -> str:
    """What a reader of the conversation is shown of an event; empty for most."""
    match event:
        case RunStarted():
            return f"\n{one_line(event.guest or owner)}: {plain_text(event.prompt)}"
        case MessageDone() if event.message.text:
            who = "model" if event.agent == "main" else one_line(event.agent)
            return f"{who}: {plain_text(event.message.text)}"
        case Commented():
            return f"{one_line(event.guest)} comments: {plain_text(event.text)}"
        case EditProposed():
            return f"proposed: {one_line(event.edit.title)}"
        case ToolDone():
            return f"[{one_line(event.tool)}] {one_line(event.summary)}"
        case Notice() | ShareChanged():
            return plain_text(event.text)
        case RunFinished() if event.status != "done":
            return plain_text(event.text)
        case _:
            return ""


def pick(info: SharingInfo, word: str) -> SharedWithMe:
    """The session that a person means by its number in the list, id, title or owner."""
    found = info.with_me
    if info.problem and not found:
        raise UsageError(info.problem)
    if word.isascii() and word.isdecimal() and 1 <= int(word) <= len(found):
        return found[int(word) - 1]
    meant = [
        each for each in found if word and (word in (each.title, each.owner) or each.session.startswith(word))
    ]
    if len(meant) != 1:
        said = f"“{one_line(word)}” {'means more than one' if meant else 'is no'} session shared with you."
        raise NotFound(said, hint="See: codemad sessions shared")
    return meant[0]


def _events(client: EngineClient, there: SharedWithMe, *, wait: bool = False) -> Iterator[Event]:
    after = 0
    while (found := client.visit(there.owner, there.session, after, wait=wait)) or wait:
        yield from found
        after = max([after, *(event.seq for event in found)])


def _say(client: EngineClient, asked: argparse.Namespace, there: SharedWithMe) -> Answer:
    if not isinstance(client, ServerClient):
        said = "Code in a kernel could say it in your name, so this is not done from a notebook."
        raise UsageError(said, hint="Use the sidebar, or codemad sessions visit in a terminal.")
    for kind, text in (("comment", asked.comment), ("prompt", asked.ask)):
        if text:
            wish = {"owner": there.owner, "session": there.session, "kind": kind, "text": text}
            client.say(GuestWish.model_validate(wish))
    return Answer(f"Said to {one_line(there.owner)}.", {"session": there.session})


def _listed_text(found: SharingInfo) -> str:
    mine = [f"  {each.session[:8]}  with {one_line(each.guest)} {_what(each)}" for each in found.mine]
    others = [
        f"{number:>3}  {each.session[:8]}  by {one_line(each.owner)} {_what(each)}"
        for number, each in enumerate(found.with_me, start=1)
    ]
    parts = ["You share:", *(mine or ["  nothing"]), "Others share with you:", *(others or ["  nothing"])]
    return "\n".join([*parts, *([plain_text(found.problem)] if found.problem else [])])


def _what(share: Share | SharedWithMe) -> str:
    return f"({share.permission})  {one_line(share.title) or 'Untitled'}"
