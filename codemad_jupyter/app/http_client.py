"""The engine of the Jupyter server, reached from a kernel over HTTP with the standard library.

Events come as ``text/event-stream``; a line that breaks is taken up again after the last number
seen. Environment proxies are not consulted: the server is on this machine.
"""

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

from codemad_jupyter.app.endings import Ending, Submitted
from codemad_jupyter.notebooks.provenance import Blame
from codemad_jupyter.protocol import errors
from codemad_jupyter.protocol.asking import SqlAnswer, SqlQuestion
from codemad_jupyter.protocol.checkpoints import CheckpointDiff, CheckpointInfo
from codemad_jupyter.protocol.commands import Ack, Cancel, Command, Prompt, Target
from codemad_jupyter.protocol.errors import CodemadError, ServerUnreachable
from codemad_jupyter.protocol.events import EVENT, Event
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

CONNECT = 3.0
ANSWER = 60.0
"""Seconds of silence: the first answer may have to wait for the engine to be built, and a line
without even a heartbeat counts as broken after that."""
TRIES = 6

Broken = (OSError, http.client.HTTPException)


class HttpClient:
    """An `EngineClient` over the server's kernel routes."""

    def __init__(
        self,
        url: str,
        *,
        token: str,
        kernel: str | None = None,
        certificate: str | None = None,
        retry: float = 0.25,
    ) -> None:
        self._parts = urlsplit(url)
        self._token = token
        self._kernel = kernel
        self._certificate = certificate
        self._retry = retry
        self._submitted = Submitted()

    def submit(self, command: Command) -> Ack:
        ack = Ack.model_validate(self._ask("POST", "commands", body=command.model_dump_json()))
        self._submitted.keep(ack, command)
        return ack

    def follow(self, ack: Ack) -> Iterator[Event]:
        last = self._submitted.ending(ack)
        return iter(()) if last is None else self._follow(ack, last=last)

    def session(self) -> str:
        return str(self._place()["session"])

    def root(self) -> str:
        """The workspace of the server."""
        return str(self._place()["root"])

    def notebook(self) -> str | None:
        """The notebook this kernel belongs to, relative to the workspace, where the server knows it."""
        path = self._place()["notebook"]
        return None if path is None else str(path)

    def models(self) -> tuple[ModelInfo, ...]:
        return tuple(ModelInfo.model_validate(model) for model in self._ask("GET", "models")["models"])

    def default_model(self) -> str:
        return str(self._ask("GET", "models")["default"])

    def checkpoints(self, session: str | None = None) -> tuple[CheckpointInfo, ...]:
        found = self._ask("GET", "checkpoints?" + urlencode({"session": session or ""}))
        return tuple(CheckpointInfo.model_validate(info) for info in found["checkpoints"])

    def checkpoint_diff(self, old: str, new: str | None = None) -> CheckpointDiff:
        query = urlencode({"old": old, "new": new or ""})
        return CheckpointDiff.model_validate(self._ask("GET", f"checkpoints/diff?{query}"))

    def blame(self, notebook: str) -> tuple[Blame, ...]:
        found = self._ask("GET", "blame?" + urlencode({"notebook": notebook}))
        return tuple(Blame.model_validate(line) for line in found["cells"])

    def merge_view(self, notebook: str) -> MergeView:
        return MergeView.model_validate(self._ask("GET", "merge?" + urlencode({"notebook": notebook})))

    def index_status(self) -> IndexStatus:
        return IndexStatus.model_validate(self._ask("GET", "index"))

    def preview(self, prompt: Prompt) -> ContextPreview:
        return ContextPreview.model_validate(self._ask("POST", "preview", body=prompt.model_dump_json()))

    def mentions(self, query: str, target: Target, *, session: str | None = None) -> tuple[Mention, ...]:
        asked = {"query": query, "session": session, "notebook": target.notebook, "kernel": target.kernel}
        words = urlencode({name: value for name, value in asked.items() if value})
        return tuple(
            Mention.model_validate(each) for each in self._ask("GET", f"mentions?{words}")["mentions"]
        )

    def plan(self, session: str) -> Plan | None:
        found = self._ask("GET", "plan?" + urlencode({"session": session}))["plan"]
        return None if found is None else Plan.model_validate(found)

    def memories(self, query: str = "") -> tuple[Memory, ...]:
        found = self._ask("GET", "memory?" + urlencode({"query": query}))
        return tuple(Memory.model_validate(each) for each in found["memories"])

    def search_sessions(self, words: str, limit: int = 20) -> tuple[SessionHit, ...]:
        found = self._ask("GET", "sessions/search?" + urlencode({"query": words, "limit": limit}))
        return tuple(SessionHit.model_validate(each) for each in found["hits"])

    def query(self, question: SqlQuestion) -> SqlAnswer:
        return SqlAnswer.model_validate(self._ask("POST", "sql", body=question.model_dump_json()))

    def sessions(self) -> tuple[SessionInfo, ...]:
        found = self._ask("GET", "sessions/all")["sessions"]
        return tuple(SessionInfo.model_validate(each) for each in found)

    def session_tree(self, session: str) -> SessionTree:
        return SessionTree.model_validate(
            self._ask("GET", "sessions/tree?" + urlencode({"session": session}))
        )

    def compare_branches(self, session: str, left: str, right: str, other: str = "") -> BranchComparison:
        query = urlencode({"session": session, "left": left, "right": right, "other": other})
        return BranchComparison.model_validate(self._ask("GET", f"sessions/compare?{query}"))

    def export_session(
        self, session: str, form: ExportFormat, level: DataLevel | None = None
    ) -> SessionExport:
        query = urlencode({"session": session, "format": form, "level": level or ""})
        return SessionExport.model_validate(self._ask("GET", f"sessions/export?{query}"))

    def sharing(self) -> SharingInfo:
        return SharingInfo.model_validate(self._ask("GET", "shared"))

    def visit(self, owner: str, session: str, after: int = 0, *, wait: bool = False) -> tuple[Event, ...]:
        query = urlencode({"owner": owner, "session": session, "after": after, "wait": int(wait)})
        found = self._ask("GET", f"shared/events?{query}")["events"]
        return tuple(EVENT.validate_python(each) for each in found)

    def close(self) -> None:
        """Nothing to let go of: each request has its own connection."""

    def probe(self) -> None:
        """Raises `ServerUnreachable` or `Denied` unless a server that knows our secret answers."""
        try:
            self._place()
        except (ServerUnreachable, errors.Denied):
            raise
        except CodemadError:
            return  # it is there; what it cannot do shows at the first command

    def _place(self) -> dict[str, Any]:
        return self._ask("GET", "session?" + urlencode({"kernel": self._kernel or ""}))

    def _follow(self, ack: Ack, *, last: Ending) -> Iterator[Event]:
        after, failures, cancelled = ack.seq, 0, False
        while True:
            try:
                if failures:
                    time.sleep(min(self._retry * 2**failures, 4.0))
                for event in self._events(ack, after=after):
                    after, failures = max(after, event.seq), 0
                    yield event
                    if last(event):
                        return
                failures += 1  # the stream ended too early
                problem: Exception | None = None
            except KeyboardInterrupt:
                if cancelled or ack.run is None:
                    raise
                cancelled = True
                self._cancel(ack)
            except Broken as error:
                failures, problem = failures + 1, error
            if failures >= TRIES:
                raise self._unreachable(problem) from problem

    def _cancel(self, ack: Ack) -> None:
        self._ask("POST", "commands", body=Cancel(session=ack.session, run=ack.run).model_dump_json())

    def _events(self, ack: Ack, *, after: int) -> Iterator[Event]:
        query = urlencode({"session": ack.session, "after": after, "run": ack.run or ""})
        connection = self._connect()
        try:
            response = self._send(connection, "GET", f"events?{query}", body=None)
            if response.status != 200:
                raise _refusal(response.status, response.read())
            for kind, data in _messages(response):
                if kind == "error":
                    raise _refusal(500, b'{"error": %s}' % data)
                if kind == "event":
                    yield EVENT.validate_json(data)
        finally:
            connection.close()

    def _ask(self, method: str, route: str, *, body: str | None = None) -> dict[str, Any]:
        """One request; an answer of JSON, or the error that was answered."""
        connection = self._connect()
        try:
            response = self._send(connection, method, route, body=body)
            status, answer = response.status, response.read()
        except Broken as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()
        if status != 200:
            raise _refusal(status, answer)
        value: dict[str, Any] = json.loads(answer)
        return value

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(
                host, port, timeout=CONNECT, context=_trusting(self._certificate)
            )
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=CONNECT)
        raise self._unreachable(None)

    def _send(
        self, connection: http.client.HTTPConnection, method: str, route: str, *, body: str | None
    ) -> http.client.HTTPResponse:
        headers = {"X-Codemad-Kernel-Token": self._token, "Content-Type": "application/json"}
        path = f"{self._parts.path.rstrip('/')}/codemad/kernel/{route}"
        connection.connect()
        connection.sock.settimeout(ANSWER)
        connection.request(method, path, body=None if body is None else body.encode(), headers=headers)
        return connection.getresponse()

    def _unreachable(self, error: Exception | None) -> ServerUnreachable:
        where = self._parts._replace(query="", fragment="").geturl()
        reason = f" ({str(error) or type(error).__name__})" if error is not None else ""
        said = f"The Jupyter server at {where} did not answer{reason}."
        return ServerUnreachable(said, hint="Check that it runs, then try again.")


def _messages(response: http.client.HTTPResponse) -> Iterator[tuple[str, bytes]]:
    """The messages of an event stream: their kind and data. Ends with ``end`` or a closed line."""
    kind, data = "", b""
    while line := response.readline():
        field, _, value = line.rstrip(b"\r\n").partition(b": ")
        if field == b"event":
            kind = value.decode()
        elif field == b"data":
            data += value
        elif not field and kind:
            if kind == "end":
                return
            yield kind, data
            kind, data = "", b""


def _refusal(status: int, answer: bytes) -> CodemadError:
    """The error that the server answered, as the exception it was."""
    try:
        value = errors.ErrorValue.model_validate(json.loads(answer)["error"])
    except (ValueError, KeyError, TypeError):
        kind = errors.Denied if status == 403 else ServerUnreachable
        return kind(f"The Jupyter server refused the request (status {status}).", hint="See its log.")
    return errors.raised(value)


def _trusting(certificate: str | None) -> ssl.SSLContext:
    """TLS that trusts the usual authorities or, where the server named it, exactly its own certificate."""
    context = ssl.create_default_context(cafile=certificate)
    if certificate is not None:
        context.check_hostname = False  # the certificate itself is pinned, whatever names it carries
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
