"""Frames of the stream between a browser tab and the server: subscriptions and port calls.

The tab tells which notebooks it has open; the server asks one tab to read or change an open
document, and the tab answers under the same id.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import ErrorValue
from codemad_jupyter.protocol.events import Event


class OpenNotebook(Value):
    """A notebook open in the tab, with the id of its kernel."""

    path: str
    kernel: str | None = None


class Hello(Value):
    """Tab to server, first and whenever the open notebooks change. ``active`` is the path in front."""

    type: Literal["hello"] = "hello"
    client: str
    notebooks: tuple[OpenNotebook, ...] = ()
    active: str | None = None


class Subscribe(Value):
    """Tab to server: send the session's events after ``after``, then the live ones."""

    type: Literal["subscribe"] = "subscribe"
    session: str
    after: int = 0


class Unsubscribe(Value):
    type: Literal["unsubscribe"] = "unsubscribe"
    session: str


class PortReply(Value):
    """Tab to server: the answer to a `PortCall`; exactly one of ``value`` and ``error`` is set."""

    type: Literal["port_reply"] = "port_reply"
    id: str
    value: Any = None
    error: ErrorValue | None = None


class PortProgress(Value):
    """Tab to server: the cell of an ``execute`` call has gone to the kernel as the message ``request``."""

    type: Literal["port_progress"] = "port_progress"
    id: str
    request: str


ClientFrame = Annotated[
    Hello | Subscribe | Unsubscribe | PortProgress | PortReply, Field(discriminator="type")
]
CLIENT_FRAME: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)

PortOp = Literal["view", "snapshot", "apply", "execute", "save"]


class PortCall(Value):
    """Server to tab: do ``op`` on the open notebook ``path``.

    view -> NotebookView; snapshot -> the notebook as nbformat JSON (an object);
    apply {"changes": [CellChange]} -> null (all are checked before the first is made; code
    ``stale_edit`` or ``not_found`` and nothing changed otherwise);
    execute {"cell": id} -> {"ok": bool, "error": str, "seconds": float}, after a `PortProgress`; code
    ``notebook_closed`` when the document was closed while the cell ran, which goes on; save -> null.
    """

    type: Literal["port_call"] = "port_call"
    id: str
    op: PortOp
    path: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Welcome(Value):
    """Server to tab, after each hello: what the tab sends along (header ``X-Codemad-Tab``) to show that it is
    this tab. Whoever knows the server's token alone may not answer approvals or change settings."""

    type: Literal["welcome"] = "welcome"
    nonce: str


class EventFrame(Value):
    """Server to tab: one event."""

    type: Literal["event"] = "event"
    event: Event


class Replayed(Value):
    """Server to tab: the stored events up to ``seq`` have been sent; live ones follow."""

    type: Literal["replayed"] = "replayed"
    session: str
    seq: int


class StreamError(Value):
    """Server to tab: a frame could not be served."""

    type: Literal["stream_error"] = "stream_error"
    error: ErrorValue


ServerFrame = Annotated[Welcome | EventFrame | Replayed | PortCall | StreamError, Field(discriminator="type")]
SERVER_FRAME: TypeAdapter[ServerFrame] = TypeAdapter(ServerFrame)
