"""``codemad checkpoints`` and ``codemad blame``: through the Jupyter server that serves the folder where
one runs, else with an engine in this process."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.protocol.errors import CodemadError, StoreError, StoreHeld, UsageError

if TYPE_CHECKING:
    from codemad_jupyter.app.client import EngineClient
    from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
    from codemad_jupyter.orchestrator.engine import Engine
    from codemad_jupyter.protocol.commands import Target


class _Files:
    """The notebooks of a folder; no kernel."""

    def __init__(self, root: Path) -> None:
        from codemad_jupyter.notebooks.files import FileNotebooks

        self._files = FileNotebooks(root)

    async def kernel(self, target: Target) -> KernelPort | None:
        return None

    async def notebook(self, target: Target) -> NotebookPort | None:
        return self._files if target.notebook else None


def checkpoints(asked: argparse.Namespace) -> int:
    """Do what was asked; 1 where something was left undone."""
    from codemad_jupyter.app.timeline_commands import perform

    with client_of(asked.root) as client:
        answer = perform(client, asked, session=client.session(), notebook=None)
    print(json.dumps(answer.data, indent=2) if asked.json else answer.text)
    return 0 if answer.ok else 1


@contextmanager
def client_of(folder: Path) -> Iterator[EngineClient]:
    """The engine that serves a folder, or one in this process. Raises `UsageError` or `StoreHeld`."""
    from codemad_jupyter.app.client import ThreadClient
    from codemad_jupyter.app.server_client import running_server

    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", hint="Name one with --root.")
    root = folder.resolve()
    server = running_server(root)
    if server is not None:
        yield server
        return
    client = ThreadClient(lambda: _engine(root))
    try:
        yield client
    finally:
        client.close()


async def _engine(root: Path) -> Engine:
    from codemad_jupyter.app.build import build_engine
    from codemad_jupyter.config.settings import load_settings
    from codemad_jupyter.store.opening import MAIN

    engine = await build_engine(root, ports=_Files(root), settings=load_settings(root), attended=False)
    path = engine.services.store.path
    if path is None:  # what is kept in memory would be gone with this command
        await engine.close()
        raise StoreError(engine.services.notices[0], hint="Nothing was read or changed.")
    if path.name != MAIN:
        await engine.close()
        raise StoreHeld(
            f"The sessions and checkpoints of {root} are in the hands of another process.",
            hint="Use the sidebar or %codemad there, or stop it first.",
        )
    return engine


def blame(notebook: Path, *, as_json: bool) -> int:
    """Print who made each cell of a notebook file."""
    from codemad_jupyter.app.timeline_text import blame_text
    from codemad_jupyter.notebooks import document, provenance

    try:
        lines = provenance.blame(document.parse(notebook.read_bytes(), notebook.name))
    except OSError as error:
        raise UsageError(f"{notebook} cannot be read ({error.strerror}).", hint="Name a notebook.") from None
    except CodemadError as error:
        raise UsageError(error.message, hint=error.hint) from None
    cells: list[dict[str, Any]] = [line.model_dump() for line in lines]
    print(json.dumps({"cells": cells}, indent=2) if as_json else blame_text(lines))
    return 0
