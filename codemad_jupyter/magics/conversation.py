"""One shell's talk with the engine: puts a question, draws the run, and concludes it.

Where nobody is there to be asked (`place`), the policy decides and nothing ever waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codemad_jupyter.app.question_text import shown
from codemad_jupyter.magics.buttons import Buttons
from codemad_jupyter.magics.canvas import Canvas, canvas_for, show_text
from codemad_jupyter.magics.door import Door
from codemad_jupyter.magics.place import Place, place_of
from codemad_jupyter.magics.questions import answer, tell
from codemad_jupyter.magics.review import Edits
from codemad_jupyter.magics.transcript import Transcript
from codemad_jupyter.protocol.commands import Ack, ApprovePlan, Attachment, Cancel, Command, Prompt
from codemad_jupyter.protocol.errors import CodemadError, Denied, UsageError
from codemad_jupyter.protocol.events import ApprovalAsked, Event, Notice, QuestionAsked

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from codemad_jupyter.app.client import EngineClient
    from codemad_jupyter.magics.arguments import Ask
    from codemad_jupyter.protocol.mentions import Mention

SWITCHED_OFF = "CodeMAD is switched off here (CODEMAD_POLICY=off); the question was not asked."


class RunFailed(CodemadError):
    """The run did not get to its end; its own words say why."""

    code = "run_failed"


class Conversation:
    """The state of the magics in one shell."""

    def __init__(self, ip: InteractiveShell) -> None:
        self._ip = ip
        self.door = Door(ip)
        self.edits = Edits(ip, self.door)
        self.buttons = Buttons(ip, self.edits)

    def ask(self, ask: Ask) -> None:
        """Put the question and draw the run. Raises when it failed, was cancelled, or lacked a person."""
        place = place_of(self._ip)
        if place.headless and place.policy == "off":
            show_text(self._ip, SWITCHED_OFF)
            return
        if ask.new:
            self.door.begin(place)
        self._show(self._prompt(ask, place), place)

    def carry_out(self, command: ApprovePlan) -> None:
        """Carry out the plan and draw the run."""
        place = place_of(self._ip)
        if place.headless and place.policy == "off":
            show_text(self._ip, SWITCHED_OFF)
            return
        self._show(command, place)

    def join(self) -> bool:
        """Draw the run that goes on in the session, from its beginning; False where none does."""
        place = place_of(self._ip)
        tree = self.door.client(place).session_tree(self.door.session(place))
        if tree.running is None:
            return False
        self._show(Ack(session=tree.session.id, run=tree.running, seq=tree.seq), place)
        return True

    def _show(self, prompt: Prompt | ApprovePlan | Ack, place: Place) -> None:
        transcript = Transcript(first_number=self.edits.next_number)
        canvas = canvas_for(self._ip, transcript, ask=not place.headless)
        if self.door.notice:
            canvas.touch(transcript.note(self.door.notice))
            self.door.notice = ""
        try:
            self._run(prompt, place, transcript, canvas)
        finally:
            canvas.finish()
            self.edits.remember(transcript, session=prompt.session, canvas=canvas)
        if not place.headless:
            self.buttons.show(transcript.changes)
        self._conclude(transcript, place)

    def _prompt(self, ask: Ask, place: Place) -> Prompt:
        variables = (Attachment(kind="variable", name=name) for name in ask.variables)
        files = (Attachment(kind="file", name=name) for name in ask.files)
        return Prompt(
            session=self.door.session(place),
            text=ask.text,
            target=self.door.target(place),
            attachments=(*variables, *files),
            model=ask.model,
            intent=ask.intent,
            edge="magic",
        )

    def _run(
        self, prompt: Prompt | ApprovePlan | Ack, place: Place, transcript: Transcript, canvas: Canvas
    ) -> None:
        """The client itself cancels the run at an interrupt while it waits; one that comes while an
        event is drawn is passed on here. Either way the last events are still read and drawn."""
        client = self.door.client(place)
        ack = prompt if isinstance(prompt, Ack) else client.submit(prompt)
        try:
            self._draw(ack, client, place=place, transcript=transcript, canvas=canvas)
        except KeyboardInterrupt:
            if transcript.ending is not None:
                raise
            client.submit(Cancel(session=ack.session, run=ack.run))
            rest = ack.model_copy(update={"seq": max(ack.seq, transcript.seq)})
            self._draw(rest, client, place=place, transcript=transcript, canvas=canvas)

    def _draw(
        self, ack: Ack, client: EngineClient, *, place: Place, transcript: Transcript, canvas: Canvas
    ) -> None:
        for event in client.follow(ack):
            segment = transcript.add(event)
            if isinstance(event, ApprovalAsked | QuestionAsked):
                segment = transcript.note(self._question(event, client, place))
            if segment is not None:
                canvas.touch(segment)
            canvas.pump()

    def _question(self, event: ApprovalAsked | QuestionAsked, client: EngineClient, place: Place) -> str:
        if self.door.server is not None:
            what = shown(event) if isinstance(event, QuestionAsked) else event.action
            return f"Waiting for your answer in the CodeMAD sidebar: {what}"
        if isinstance(event, QuestionAsked):
            return tell(event, client, headless=place.headless)
        return answer(event, client, headless=place.headless)

    def _conclude(self, transcript: Transcript, place: Place) -> None:
        ending = transcript.ending
        if ending is not None and ending.status == "cancelled":
            raise KeyboardInterrupt(ending.text)  # cells that wait behind this one must not run either
        if ending is not None and ending.status != "done":
            raise RunFailed(ending.text)
        if place.headless and transcript.denied:
            raise Denied(
                f"Nobody is here to approve {'; '.join(transcript.denied)}",
                hint="Run the notebook where you can answer, or set CODEMAD_POLICY=auto.",
            )
        numbers = [change.number for change in transcript.changes if change.status == "pending"]
        if place.headless and place.policy == "auto" and numbers:
            for number in numbers:
                self.edits.settle([number], place, accept=True, execute=True)

    def restore(self, command: Command) -> Event:
        """Undo or redo; the event that tells what it did."""
        client = self.door.client(place_of(self._ip))
        last: Event | None = None
        for event in client.follow(client.submit(command)):
            last = event
        if last is None:
            raise CodemadError("The engine did not say what it restored.", hint="Look at the notebook.")
        if isinstance(last, Notice):
            raise UsageError(last.text)
        return last

    def commands(self, letters: str) -> tuple[Mention, ...]:
        """The slash commands that begin so, as the engine knows them."""
        place = place_of(self._ip)
        return self.door.client(place).mentions(letters, self.door.target(place))

    def close(self) -> None:
        """Let go of the engine."""
        self.door.close()
