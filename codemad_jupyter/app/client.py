"""How a synchronous front end talks to the engine: the protocol, its two clients, and the choice.

``HttpClient`` reaches the engine of the Jupyter server; ``ThreadClient`` keeps one in a thread of
this process. Both block, as a magic does, and neither draws anything.
"""

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from codemad_jupyter.app.caller_thread import CallerThread as CallerThread
from codemad_jupyter.app.http_client import HttpClient as HttpClient
from codemad_jupyter.app.thread_client import ThreadClient as ThreadClient
from codemad_jupyter.notebooks.provenance import Blame
from codemad_jupyter.protocol.asking import SqlAnswer, SqlQuestion
from codemad_jupyter.protocol.checkpoints import CheckpointDiff, CheckpointInfo
from codemad_jupyter.protocol.commands import Ack, Command, Prompt, Target
from codemad_jupyter.protocol.errors import Denied, ServerUnreachable
from codemad_jupyter.protocol.events import Event
from codemad_jupyter.protocol.indexing import IndexStatus
from codemad_jupyter.protocol.memories import Memory, SessionHit
from codemad_jupyter.protocol.mentions import Mention
from codemad_jupyter.protocol.merging import MergeView
from codemad_jupyter.protocol.models import ModelInfo
from codemad_jupyter.protocol.plans import Plan
from codemad_jupyter.protocol.privacy import ContextPreview, DataLevel
from codemad_jupyter.protocol.sessions import (
    BranchComparison,
    ExportFormat,
    SessionExport,
    SessionInfo,
    SessionTree,
)
from codemad_jupyter.protocol.sharing import SharingInfo

URL_VARIABLE = "CODEMAD_JUPYTER_URL"
TOKEN_VARIABLE = "CODEMAD_KERNEL_TOKEN"  # noqa: S105 - a name, not a secret
CERTIFICATE_VARIABLE = "CODEMAD_JUPYTER_CERT"


class EngineClient(Protocol):
    """Commands in, events out, from an ordinary thread."""

    def submit(self, command: Command) -> Ack:
        """Give a command. Raises the `CodemadError` with which it was refused."""
        ...

    def follow(self, ack: Ack) -> Iterator[Event]:
        """The events of a command, up to the last one that belongs to it.

        An interrupt (Ctrl-C, the stop button) while waiting cancels the run and goes on to its end;
        a second one is raised. Text deltas may be missing after a broken line; `MessageDone` has all.
        """
        ...

    def session(self) -> str:
        """The current session of the workspace."""
        ...

    def models(self) -> tuple[ModelInfo, ...]:
        """The models one can choose."""
        ...

    def default_model(self) -> str:
        """The model that is used where nobody chose one."""
        ...

    def checkpoints(self, session: str | None = None) -> tuple[CheckpointInfo, ...]:
        """The checkpoints of a session (None: of the workspace), newest last."""
        ...

    def checkpoint_diff(self, old: str, new: str | None = None) -> CheckpointDiff:
        """What differs between two checkpoints, or between one and now."""
        ...

    def blame(self, notebook: str) -> tuple[Blame, ...]:
        """Who made each cell of a notebook."""
        ...

    def merge_view(self, notebook: str) -> MergeView:
        """What a notebook that git could not merge leaves to choose."""
        ...

    def index_status(self) -> IndexStatus:
        """How far the search index of the workspace is."""
        ...

    def preview(self, prompt: Prompt) -> ContextPreview:
        """What the prompt would send now."""
        ...

    def mentions(self, query: str, target: Target, *, session: str | None = None) -> tuple[Mention, ...]:
        """What could be pointed at with ``@``, best first."""
        ...

    def plan(self, session: str) -> Plan | None:
        """The latest plan of the session."""
        ...

    def memories(self, query: str = "") -> tuple[Memory, ...]:
        """What is remembered, or of that what has to do with the query, best first."""
        ...

    def search_sessions(self, words: str, limit: int = 20) -> tuple[SessionHit, ...]:
        """What past sessions said about something, best first."""
        ...

    def query(self, question: SqlQuestion) -> SqlAnswer:
        """The answer to one SELECT about the sessions."""
        ...

    def sessions(self) -> tuple[SessionInfo, ...]:
        """All sessions of the workspace, latest first."""
        ...

    def session_tree(self, session: str) -> SessionTree:
        """The session as a tree of turns, with its branches."""
        ...

    def compare_branches(self, session: str, left: str, right: str, other: str = "") -> BranchComparison:
        """Two branches beside each other."""
        ...

    def export_session(
        self, session: str, form: ExportFormat, level: DataLevel | None = None
    ) -> SessionExport:
        """The session as a file."""
        ...

    def sharing(self) -> SharingInfo:
        """What is shared with others of the hub, and what of others with me."""
        ...

    def visit(self, owner: str, session: str, after: int = 0, *, wait: bool = False) -> tuple[Event, ...]:
        """The next events of somebody else's session; none where there are no more (``wait``: for now)."""
        ...

    def close(self) -> None:
        """Let go of what the client holds."""
        ...


class Connection(NamedTuple):
    """A client of the server, or None and, where a server should have answered, why it did not."""

    client: HttpClient | None
    notice: str = ""


def connect(*, kernel: str | None = None, environ: Mapping[str, str] | None = None) -> Connection:
    """The server this kernel belongs to, if it answers; ``kernel`` is this kernel's id."""
    variables = os.environ if environ is None else environ
    url, token = variables.get(URL_VARIABLE, ""), variables.get(TOKEN_VARIABLE, "")
    if not url or not token:
        return Connection(None)
    client = HttpClient(url, token=token, kernel=kernel, certificate=variables.get(CERTIFICATE_VARIABLE))
    try:
        client.probe()
    except (ServerUnreachable, Denied) as error:
        return Connection(None, f"{error.message} CodeMAD runs inside this kernel instead.")
    return Connection(client)
