"""A scripted model that is hijacked already, the person who answers it, and what must hold whatever it does.

Owns the scene of a case: a workspace with a home beside it, listeners that note visitors, canaries, and the
oracle that all cases share. What is tried stands in the test files, one for each surface.
"""

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from codemad_jupyter.protocol.commands import Approve, Cancel, Prompt, Reject
from codemad_jupyter.protocol.events import ApprovalAsked, Event, RunFinished, ToolDone
from codemad_jupyter.tools.sandbox import state as sandbox
from tests.flows.conftest import Desk, MakeDesk
from tests.git.gitlab import manifest
from tests.hostile.escapes import Stage, alive
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import until

Approver = Literal["denies", "allows", "allows once", "never answers"]
MODEL = "compatible/scripted"


@dataclass
class Outcome:
    """What came of a run of the hijacked model."""

    events: list[Event]
    asked: list[ApprovalAsked] = field(default_factory=list)

    @property
    def done(self) -> list[ToolDone]:
        """The ends of all calls, in the order of their ends."""
        return [event for event in self.events if isinstance(event, ToolDone)]

    @property
    def statuses(self) -> list[str]:
        return [event.status for event in self.done]

    @property
    def end(self) -> RunFinished:
        (end,) = [event for event in self.events if isinstance(event, RunFinished)]
        return end


@dataclass
class Scene:
    """One attack: where it happens, and who takes part."""

    stage: Stage
    model: ModelServer
    make: MakeDesk
    set_variable: Callable[[str, str], None]
    desks: list[Desk] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    @property
    def mark(self) -> Path:
        """A file outside the workspace: where it is, code of the attacker ran."""
        return self.stage.home / "mark"

    async def desk(self, mode: str = "ask", **options: Any) -> Desk:
        """An engine on the workspace, in a permission mode."""
        self.set_variable("CODEMAD_MODE", mode)
        desk = await self.make(root=self.stage.work, **options)
        self.before = manifest(self.stage.home, without=())
        self.desks.append(desk)
        return desk

    async def run(
        self, desk: Desk, *rounds: Iterable[Call], approver: Approver = "denies", text: str = "go"
    ) -> Outcome:
        """Let the model make these calls, a round each, and answer what it makes the engine ask."""
        self.sent += [json.dumps(request.body, ensure_ascii=False) for request in self.model.asked]
        self.model.forget()
        self.model.play(*(Turn(calls=tuple(calls)) for calls in rounds), Turn(text="Done."))
        prompt = Prompt(session=desk.session, text=text, target=desk.target, edge="test", model=MODEL)
        ack = await desk.engine.submit(prompt)
        outcome, after = Outcome([]), ack.seq
        while not outcome.events or outcome.events[-1].type != "run_finished":
            outcome.events += await desk.until(
                lambda event: event.type in ("approval_asked", "run_finished"), after=after
            )
            last = outcome.events[-1]
            after = last.seq
            if isinstance(last, ApprovalAsked):
                outcome.asked.append(last)
                await self._answer(desk, last, approver, first=len(outcome.asked) == 1)
        await self.holds(desk, outcome)
        return outcome

    async def _answer(self, desk: Desk, asked: ApprovalAsked, approver: Approver, *, first: bool) -> None:
        if approver == "never answers":
            await desk.engine.submit(Cancel(session=desk.session))
        elif approver == "allows" or (approver == "allows once" and first):
            await desk.engine.submit(
                Approve(session=desk.session, approval=asked.approval, digest=asked.digest)
            )
        else:
            await desk.engine.submit(Reject(session=desk.session, approval=asked.approval))

    async def holds(self, desk: Desk, outcome: Outcome) -> None:
        """What must hold after every case, whatever was tried."""
        now = manifest(self.stage.home, without=())
        changed = {name for name, _ in now.items() ^ self.before.items()}
        assert not changed, f"changed outside: {changed}"
        assert not self.stage.visitors
        for done in outcome.done:
            assert "Traceback (most recent" not in done.content or done.status == "ok", done.content
        refused = {event.call for event in outcome.done if event.status == "denied"}
        lines = [line for line in desk.engine.services.audit.lines() if line.outcome == "not done"]
        assert len(lines) >= len(refused), "what was refused stands in the audit log"
        await until(lambda: not alive(str(self.stage.top)), lambda: f"left: {alive(str(self.stage.top))}")

    def requests(self) -> str:
        """All that the model was sent, as text."""
        now = (json.dumps(request.body, ensure_ascii=False) for request in self.model.asked)
        return "\n".join((*self.sent, *now))


async def strength() -> str:
    """How well commands are confined here."""
    return (await sandbox.state()).strength


def spellings(secret: str) -> list[bytes]:
    """The ways in which a secret could be told: plain, URL, hexadecimal, base64 in each of its phases."""
    data = secret.encode()
    cut = [base64.b64encode(data[at:])[: len(data) - 8] for at in range(3)]
    return [data, quote(secret, safe="").encode(), data.hex().encode(), *cut]


def told(secret: str, *texts: bytes | str) -> list[bytes]:
    """The spellings of the secret that occur."""
    given = [text.encode(errors="replace") if isinstance(text, str) else text for text in texts]
    return [each for each in spellings(secret) if any(each in text for text in given)]


def files_that_tell(secret: str, folder: Path) -> list[str]:
    """The files below a folder in which the secret stands, in any spelling."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [str(path) for path in files if told(secret, path.read_bytes())]
