"""A reply that broke off and is gone on with by another call: what was received, how the next model is told,
and how the parts become one message. Pure."""

from dataclasses import dataclass, field

from codemad_jupyter.gateway.provider import Delta, Failed, Finished, Request
from codemad_jupyter.protocol.messages import Message, TextPart, Usage

_MARK = (
    "[The connection broke off: above is all that was received of your reply. Go on exactly where it stops."
    " Repeat nothing of it and say nothing about the break.]"
)


@dataclass(frozen=True)
class Received:
    """What came of a reply in the calls that broke off, and what they used."""

    text: str = ""
    usage: Usage = field(default_factory=Usage)
    cost: float | None = 0.0

    def with_partial(self, failure: Failed) -> "Received":
        """With what this call delivered before it failed."""
        more = failure.partial.text if failure.partial is not None else ""
        cost = 0.0 if failure.usage == Usage() else failure.cost
        return Received(self.text + more, self.usage + failure.usage, _sum(self.cost, cost))

    def continued(self, request: Request) -> Request:
        """The request that asks for the rest."""
        if not self.text:
            return request
        received = Message(role="assistant", parts=(TextPart(text=self.text),))
        return request.model_copy(update={"messages": (*request.messages, received, Message.user(_MARK))})

    def joined(self, delta: Delta) -> Delta:
        """The delta as part of the one reply: its end holds all of it."""
        if not isinstance(delta, Finished) or self == Received():
            return delta
        used = {"usage": self.usage + delta.usage, "cost": _sum(self.cost, delta.cost)}
        return delta.model_copy(update={**used, "message": self._whole(delta.message)})

    def _whole(self, rest: Message) -> Message:
        if not self.text:
            return rest
        text, parts = self.text, rest.parts
        if parts and isinstance(parts[0], TextPart):
            text, parts = text + parts[0].text, parts[1:]
        return Message(role="assistant", parts=(TextPart(text=text), *parts))

    def failed(self, failure: Failed) -> Failed:
        """The failure that ends the reply, with all that had been received."""
        if not self.text or (failure.partial is not None and failure.partial.text == self.text):
            return failure
        partial = Message(role="assistant", parts=(TextPart(text=self.text),))
        changes = {"partial": partial, "started": True, "usage": self.usage, "cost": self.cost}
        return failure.model_copy(update=changes)


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
