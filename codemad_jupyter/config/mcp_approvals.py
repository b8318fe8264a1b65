"""Owns what the person has approved of MCP servers: exactly a definition, and exactly the tools it offered.

Kept with the person's data, never in a folder. A server whose definition changed since is as if it had never
been approved; a tool that changed is off until it is approved again.
"""

import hashlib
import json
import time
from pathlib import Path

from pydantic import ValidationError

from codemad_jupyter.config.mcp_definitions import definition_digest, env_names
from codemad_jupyter.config.paths import data_dir
from codemad_jupyter.config.private_files import SPACE, read_bounded, write_private
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import StoreError, UsageError
from codemad_jupyter.protocol.mcp import McpDefinition, McpStatus, McpTool

FOLDER = "mcp-approvals"


class Approval(Value):
    """What was approved of one server. ``tools`` are as the person saw them."""

    definition: str
    since: float
    tools: tuple[McpTool, ...] = ()


class McpApprovals:
    """The person's approvals, a file for each server. One that cannot be read means that there is none."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = (folder or data_dir()) / FOLDER

    def of(self, given: McpDefinition, root: Path) -> Approval | None:
        """The approval of exactly this definition as it stands now; None where there is none."""
        found = self._read(self._path(given, root))
        same = found is not None and found.definition == definition_digest(given, root)
        return found if same and not given.problem else None

    def approve(self, given: McpDefinition, root: Path, *, digest: str, tools: tuple[McpTool, ...]) -> None:
        """Keep the approval of the definition with this digest. Raises `StoreError`."""
        entry = Approval(definition=digest, since=time.time(), tools=tools)
        path = self._path(given, root)
        try:
            write_private(path, entry.model_dump_json(indent=1).encode())
        except OSError as error:
            said = f"The approval could not be kept in {path}: {error.strerror}."
            raise StoreError(said, hint=SPACE) from error

    def revoke(self, given: McpDefinition, root: Path) -> None:
        """Forget it."""
        self._path(given, root).unlink(missing_ok=True)

    def status(self, given: McpDefinition, root: Path) -> McpStatus:
        """How things stand with a server; looks at files alone."""
        server = given.server
        approval = None if given.problem else self.of(given, root)
        known = self._path(given, root).exists()
        state = "off" if given.problem else "approved" if approval else "changed" if known else "new"
        return McpStatus.model_validate(
            {
                "name": given.name,
                "origin": given.origin,
                "place": given.place,
                "runs": server.url or " ".join(map(repr, (server.command, *server.args))),
                "env": (*env_names(server), *filter(None, [server.bearer_env])),
                "digest": "" if given.problem else definition_digest(given, root),
                "state": state,
                "detail": given.problem,
                "tools": tuple(tool.name for tool in approval.tools) if approval else (),
            }
        )

    def _path(self, given: McpDefinition, root: Path) -> Path:
        # A name of the project's is that project's alone; the person's own server is the same everywhere.
        key = f"{'own' if given.origin == 'own' else root.resolve()}:{given.name}"
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def _read(self, path: Path) -> Approval | None:
        try:
            data = read_bounded(path, follow_links=False)
            return None if data is None else Approval.model_validate_json(data)
        except (UsageError, ValidationError):
            return None


def tool_digest(tool: McpTool) -> str:
    """SHA-256 (hex) of name, description and schema."""
    return hashlib.sha256(json.dumps(tool.model_dump(), sort_keys=True).encode()).hexdigest()
