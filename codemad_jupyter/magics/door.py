"""A shell's door to the engine: the server's where one answers and a person is there, else one in
this process. Chosen once, at first use; the session and the target follow from the choice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.magics.host import Host, workspace
from codemad_jupyter.protocol.commands import NewSession, Target

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from codemad_jupyter.app.client import EngineClient, HttpClient
    from codemad_jupyter.magics.kernel_notebook import KernelNotebook
    from codemad_jupyter.magics.place import Place


class Door:
    """``notice`` says why a server that should have answered did not."""

    def __init__(self, ip: InteractiveShell) -> None:
        self._ip = ip
        self._host: Host | None = None
        self._session: str | None = None
        self._settings: dict[str, Any] = {}
        self.server: HttpClient | None = None
        self.notice = ""

    @property
    def cells(self) -> KernelNotebook | None:
        """The notebook as this kernel alone sees it, where that is all there is."""
        return self._host.cells if self._host is not None else None

    def client(self, place: Place) -> EngineClient:
        """The client. A headless kernel never joins a server: nobody there looks at its run."""
        if self.server is None and self._host is None and not place.headless:
            from codemad_jupyter.app.client import connect

            self.server, self.notice = connect(kernel=place.kernel)
        if self.server is not None:
            return self.server
        if self._host is None:
            self._host = Host(self._ip, place, settings=self._settings)
        return self._host.client

    def session(self, place: Place) -> str:
        """The server's current session; an engine of our own begins a fresh one."""
        client = self.client(place)
        if self.server is not None:
            return client.session()
        if self._session is None:
            self._session = client.submit(NewSession()).session
        return self._session

    def begin(self, place: Place) -> None:
        """Begin a fresh session."""
        self._session = self.client(place).submit(NewSession()).session

    def set(self, **settings: Any) -> None:
        """From now on these settings hold in an engine of our own, which begins anew."""
        self._settings |= settings
        self.close()

    def target(self, place: Place) -> Target:
        """Where the person stands."""
        notebook = self._host.path if self._host is not None else None
        if self.server is not None:
            notebook = self.server.notebook()
        return Target(kernel=place.kernel, notebook=notebook, cell=place.cell)

    def root(self, place: Place) -> Path:
        """The workspace: the server's, or where this process works."""
        self.client(place)
        return Path(self.server.root()) if self.server is not None else workspace(place)

    def close(self) -> None:
        """Let go of the engine."""
        if self._host is not None:
            self._host.client.close()
        self._host, self.server, self._session = None, None, None
