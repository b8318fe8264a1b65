"""``codemad merge``: what git could not merge in a notebook, as choices, and the merged notebook; through
the Jupyter server that serves the folder where one runs, else with an engine in this process."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from codemad_jupyter.batch.desk import Desk, placed
from codemad_jupyter.protocol.errors import UsageError


def merge(asked: argparse.Namespace) -> int:
    """List the conflicts or, where each has its choice, write the notebook; the exit code."""
    from codemad_jupyter.app.client import ThreadClient
    from codemad_jupyter.app.merge_commands import perform
    from codemad_jupyter.app.server_client import running_server

    file: Path = asked.notebook
    if not file.is_file():
        raise UsageError(f"{file} does not exist.", hint="Name a notebook that git could not merge.")
    root, target = placed(file)
    desk = Desk(root, target)
    client = running_server(root) or ThreadClient(lambda: desk.engine(attended=False))
    try:
        answer = perform(client, asked, notebook=target.notebook or "", edge="cli")
    finally:
        client.close()
    print(json.dumps(answer.data, indent=2) if asked.json else answer.text)
    return 0 if answer.ok else 1
