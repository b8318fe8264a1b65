"""``codemad attach``: joins the run that goes on in a session of a Jupyter server, from where it is: what was
said so far, then live. Ctrl-C leaves it; the run goes on. Questions are put to whoever sits here."""

from __future__ import annotations

import argparse
import asyncio
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.subcommand import subcommand

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codemad_jupyter.app.server_client import ServerClient
    from codemad_jupyter.app.server_stream import ServerStream
    from codemad_jupyter.batch.printing import EventPrinter
    from codemad_jupyter.batch.subcommand import Commands
    from codemad_jupyter.protocol.events import ApprovalAsked, Event, QuestionAsked, RunFinished

TRIES = 6
"""Connections that are tried before the server counts as gone."""
PAUSE = 0.5
"""Seconds before the second try; each further one waits longer."""


def add_attach(commands: Commands) -> None:
    """The subcommand."""
    attach = subcommand(commands, "attach", "join the run that goes on in a Jupyter server, and follow it")
    from codemad_jupyter.app.session_words import WHICH

    attach.add_argument("session", nargs="?", default="", metavar="SESSION", help=WHICH)
    attach.add_argument("--root", type=Path, default=Path(), metavar="DIR", help="the folder (default: here)")
    attach.add_argument("--json", action="store_true", help="print the events, one JSON object a line")
    attach.set_defaults(perform=_attach)


def _attach(asked: argparse.Namespace) -> int:
    from codemad_jupyter.app.server_client import running_server
    from codemad_jupyter.app.session_text import pick_session
    from codemad_jupyter.batch.printing import EventPrinter
    from codemad_jupyter.protocol.errors import UsageError

    server = running_server(asked.root.resolve())
    if server is None:
        said = f"No Jupyter server with CodeMAD serves {asked.root.resolve()}."
        raise UsageError(said, hint="Name its folder with --root. Other runs end with their process.")
    session = pick_session(server.sessions(), asked.session).id if asked.session else server.session()
    tree = server.session_tree(session)
    if tree.running is None:
        print("Nothing runs in this session now.", file=sys.stderr)
        return 0
    follower = Follower(server, EventPrinter(json=asked.json), interactive=sys.stdin.isatty())
    try:
        end = asyncio.run(follower.follow(session, tree.running, after=tree.seq))
    except KeyboardInterrupt:
        print("\nLeft it; the run goes on. Join again with: codemad attach", file=sys.stderr)
        return 0
    return 0 if end.status == "done" else 1


class Follower:
    """Prints the events of a run as they come, and puts its questions to the person."""

    def __init__(self, server: ServerClient, printer: EventPrinter, *, interactive: bool) -> None:
        self._server = server
        self._printer = printer
        self._interactive = interactive
        self._answering: set[asyncio.Task[None]] = set()
        self._open: set[str] = set()

    async def follow(self, session: str, run: str, *, after: int) -> RunFinished:
        """The run to its end. A connection that breaks is taken up again after the last event seen."""
        from tornado.httpclient import HTTPError
        from tornado.websocket import WebSocketError

        from codemad_jupyter.app.server_stream import ServerStream
        from codemad_jupyter.protocol.errors import ServerUnreachable
        from codemad_jupyter.protocol.events import RunFinished
        from codemad_jupyter.protocol.frames import Hello, Subscribe

        failures = 0
        while failures < TRIES:
            await asyncio.sleep(PAUSE * failures)
            failures += 1
            try:
                stream = await ServerStream.connect(*self._server.stream)
            except (OSError, HTTPError, WebSocketError):
                continue
            try:
                hello = Hello(client=f"attach-{uuid.uuid4().hex}")
                await stream.say(hello, Subscribe(session=session, after=after))
                async for event in self._events(stream):
                    failures, after = 1, max(after, event.seq)
                    self._take(event)
                    if isinstance(event, RunFinished) and event.run == run:
                        return event
            except WebSocketError:
                continue
            finally:
                await stream.leave()
        raise ServerUnreachable("The Jupyter server does not answer any more.", hint="Is it still there?")

    async def _events(self, stream: ServerStream) -> AsyncIterator[Event]:
        from codemad_jupyter.protocol.errors import raised

        async for frame in stream.frames():
            if frame.type == "welcome":
                self._server.nonce = frame.nonce
            elif frame.type == "stream_error":
                raise raised(frame.error)
            elif frame.type == "event":
                yield frame.event

    def _take(self, event: Event) -> None:
        self._printer.show(event)
        if event.type == "approval_settled":
            self._open.discard(event.approval)
            self._printer.say(f"{event.decision}: {event.reason}" if event.reason else event.decision)
        elif event.type == "question_settled":
            self._open.discard(event.question)
            self._printer.say(f"{event.status}: {event.answer}" if event.answer else event.status)
        elif event.type in ("approval_asked", "question_asked"):
            asking = self._ask(event) if event.type == "approval_asked" else self._tell(event)
            self._open.add(event.approval if event.type == "approval_asked" else event.question)
            task = asyncio.create_task(asking)
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _tell(self, event: QuestionAsked) -> None:
        """Let the person answer what an agent wants to know; the printer has shown it."""
        from codemad_jupyter.app.question_text import chosen
        from codemad_jupyter.protocol.commands import AnswerQuestion
        from codemad_jupyter.protocol.errors import CodemadError

        await asyncio.sleep(PAUSE)
        if event.question not in self._open:
            return
        typed = await self._typed("Your answer (empty: skip): ")
        if typed is None:
            return
        words = chosen(event, typed)
        command = AnswerQuestion(session=event.session, question=event.question, answer=words)
        try:
            await asyncio.to_thread(self._server.submit, command)
        except CodemadError as error:
            self._printer.say(str(error))

    async def _ask(self, event: ApprovalAsked) -> None:
        """Put a question; one of the past may be settled by what follows it."""
        from codemad_jupyter.app.plain_text import plain_text
        from codemad_jupyter.protocol.commands import Approve, Reject
        from codemad_jupyter.protocol.errors import CodemadError

        await asyncio.sleep(PAUSE)
        if event.approval not in self._open:
            return
        self._printer.say(f"{event.tool} waits for an answer:\n\n{event.action}\n\n{event.reason}")
        words = await self._typed("Allow it? [y/N] ")
        if words is None:
            return
        session, approval = event.session, event.approval
        yes = Approve(session=session, approval=approval, digest=event.digest)
        no = Reject(session=session, approval=approval, reason="the person said no")
        command = yes if words.strip().lower() in ("y", "yes") else no
        try:
            await asyncio.to_thread(self._server.submit, command)
        except CodemadError as error:
            self._printer.say(plain_text(str(error)))

    async def _typed(self, prompt: str) -> str | None:
        """What the person types; None where nobody can, so that it stays open for whoever can."""
        if self._interactive:
            try:
                return await asyncio.to_thread(input, prompt)
            except EOFError:
                pass
        self._printer.say("Answer it in JupyterLab, or where somebody can type.")
        return None
