"""A person's way to a Jupyter server that runs on this machine, for commands typed in a shell.

The server's own token opens the routes of people; nothing is streamed here, for what is asked is done when
the answer comes. Who joins a run (`batch.attach`) opens the stream of tabs.
"""

import asyncio
import contextlib
import http.client
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from codemad_jupyter.app.http_client import ANSWER, HttpClient
from codemad_jupyter.app.relay_client import TOKEN_VARIABLE
from codemad_jupyter.app.server_stream import ServerStream
from codemad_jupyter.protocol.commands import Ack, Command
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.events import EVENT, Event
from codemad_jupyter.protocol.frames import Hello
from codemad_jupyter.protocol.sharing import GuestWish


class ServerClient(HttpClient):
    """An `EngineClient` over the server's routes for people."""

    nonce = ""
    """By what the server knows a socket of ours; without it nothing can be allowed."""

    @property
    def stream(self) -> tuple[str, dict[str, str]]:
        """The address of the server's stream, and the headers that open it."""
        scheme = "wss" if self._parts.scheme == "https" else "ws"
        path = f"{self._parts.path.rstrip('/')}/codemad/stream"
        address = self._parts._replace(scheme=scheme, path=path, query="", fragment="").geturl()
        return address, {"Authorization": f"token {self._token}"}

    def session(self) -> str:
        return str(self._ask("GET", "sessions")["current"])

    def submit(self, command: Command) -> Ack:
        if command.type == "share_session" and not self.nonce:
            return asyncio.run(self._as_tab(command))
        return super().submit(command)

    async def _as_tab(self, command: Command) -> Ack:
        """Give a command that only a person may give: at a socket, as long as that is open."""
        stream = await ServerStream.connect(*self.stream)
        try:
            await stream.say(Hello(client=f"terminal-{uuid.uuid4().hex}"))
            async for frame in stream.frames():
                if frame.type == "welcome":
                    self.nonce = frame.nonce
                    break
            return await asyncio.to_thread(super().submit, command)
        finally:
            self.nonce = ""
            await stream.leave()

    def say(self, wish: GuestWish) -> None:
        """Say something in somebody else's session."""
        self._ask("POST", "shared/words", body=wish.model_dump_json())

    def follow(self, ack: Ack) -> Iterator[Event]:
        last = self._submitted.ending(ack)
        if last is None:
            return
        for value in self._ask("GET", f"sessions/{quote(ack.session)}/events?after={ack.seq}")["events"]:
            event = EVENT.validate_python(value)
            yield event
            if last(event):
                return

    def probe(self) -> None:
        """Raises unless a server with CodeMAD in it answers."""
        self._ask("GET", "status")

    def make_backup(self) -> dict[str, Any]:
        """A backup that the server makes: ``file`` and ``manifest``."""
        return self._ask("POST", "storage/backup", body="{}")

    def bring_back(self, name: str) -> dict[str, Any]:
        """Have the server bring back the backup that `restore.stage` put there: ``text`` and ``problems``."""
        return self._ask("POST", "storage/restore", body=json.dumps({"file": name}))

    def _send(
        self, connection: http.client.HTTPConnection, method: str, route: str, *, body: str | None
    ) -> http.client.HTTPResponse:
        headers = {"Authorization": f"token {self._token}", "Content-Type": "application/json"}
        if self.nonce:
            headers["X-Codemad-Tab"] = self.nonce
        connection.connect()
        connection.sock.settimeout(ANSWER)
        path = f"{self._parts.path.rstrip('/')}/codemad/{route}"
        connection.request(method, path, body=None if body is None else body.encode(), headers=headers)
        return connection.getresponse()


def running_server(root: Path) -> ServerClient | None:
    """The server on this machine that serves exactly this folder and has CodeMAD, if there is one."""
    from jupyter_core.paths import jupyter_runtime_dir

    if not any(Path(jupyter_runtime_dir()).glob("jpserver-*.json")):
        return None  # the server's own code takes a second to load, only to find nothing
    from jupyter_server.serverapp import list_running_servers

    for server in list_running_servers():
        folder, url, token = server.get("root_dir"), str(server.get("url", "")), str(server.get("token", ""))
        token = token or os.environ.get(TOKEN_VARIABLE, "")  # the hub's servers take the hub's tokens alone
        if not folder or not token or not url.startswith("http") or Path(str(folder)).resolve() != root:
            continue
        client = ServerClient(url, token=token)
        with contextlib.suppress(CodemadError):  # it has no CodeMAD, or is gone: the next one, or none
            client.probe()
            return client
    return None
