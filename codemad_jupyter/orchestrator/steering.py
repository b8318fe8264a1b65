"""What the person says to an agent at work: kept until its next model call, refused once it is over."""

from collections.abc import Callable

from codemad_jupyter.protocol.errors import Conflict, UsageError
from codemad_jupyter.protocol.events import Steered
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.tools.proposals import new_id

LONGEST = 20_000
"""Characters of what is said at once."""
MOST = 20
"""How much may wait to be read."""


class Steering:
    """The words for one agent. ``tell`` hears of each twice: when it is said, and when it is read."""

    def __init__(self, tell: Callable[[Steered], object]) -> None:
        self._tell = tell
        self._waiting: list[Steered] = []
        self._over = ""

    @property
    def waiting(self) -> bool:
        """Is there something that was not read yet?"""
        return bool(self._waiting)

    def say(self, text: str) -> None:
        """Let the agent read this before its next model call. Raises `Conflict` and `UsageError`."""
        if self._over:
            hint = "See who is at work, or send it as a new prompt."
            raise Conflict(f"Nobody would read this: {self._over}", hint=hint)
        if not text.strip():
            raise UsageError("There is nothing to tell it.", hint="Write what it should do instead.")
        if len(text) > LONGEST:
            raise UsageError(
                f"This has {len(text):,} characters; {LONGEST:,} can be said to an agent at work.",
                hint="Put the text into a file of the workspace and name the file.",
            )
        if len(self._waiting) >= MOST:
            raise Conflict(f"{MOST} messages wait to be read.", hint="Wait for its next step, or stop it.")
        said = Steered(id=new_id("message"), text=text)
        self._waiting.append(said)
        self._tell(said)

    def take(self) -> tuple[Message, ...]:
        """What the agent has not read yet; it counts as read."""
        taken, self._waiting = self._waiting, []
        for said in taken:
            self._tell(said.model_copy(update={"read": True}))
        return tuple(Message.user(said.text) for said in taken)

    def ended(self) -> bool:
        """End where nothing waits, so that nothing can be said in between; says whether it did."""
        if not self._waiting:
            self.close()
        return bool(self._over)

    def close(self, why: str = "that agent has ended.") -> None:
        """Take no more."""
        self._over = self._over or why

    def open(self) -> None:
        """Its agent works again."""
        self._over = ""
