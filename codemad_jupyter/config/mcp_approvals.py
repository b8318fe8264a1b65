"""Owns what the person has approved of MCP servers: exactly a definition, and exactly the tools it offered.

A server whose definition changed since is as if it had never been approved; a tool that changed is off until
it is approved again. How approvals are kept stands in `approvals`.
"""

import hashlib
import json
from pathlib import Path

from codemad_jupyter.config.approvals import Approval, Approvals, key_of
from codemad_jupyter.config.mcp_definitions import definition_digest, env_names
from codemad_jupyter.protocol.mcp import McpDefinition, McpStatus, McpTool

FOLDER = "mcp-approvals"


class McpApprovals:
    """The person's approvals of servers."""

    def __init__(self, folder: Path | None = None) -> None:
        self._kept = Approvals(FOLDER, folder)

    def of(self, given: McpDefinition, root: Path) -> Approval | None:
        """The approval of exactly this definition as it stands now; None where there is none."""
        return None if given.problem else self._kept.of(_key(given, root), definition_digest(given, root))

    def approve(self, given: McpDefinition, root: Path, *, digest: str, tools: tuple[McpTool, ...]) -> None:
        """Keep the approval of the definition with this digest. Raises `StoreError`."""
        self._kept.approve(_key(given, root), digest, tools=tools)

    def revoke(self, given: McpDefinition, root: Path) -> None:
        """Forget it."""
        self._kept.revoke(_key(given, root))

    def status(self, given: McpDefinition, root: Path) -> McpStatus:
        """How things stand with a server; looks at files alone."""
        server = given.server
        approval = None if given.problem else self.of(given, root)
        known = self._kept.known(_key(given, root))
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


def _key(given: McpDefinition, root: Path) -> str:
    return key_of(given.name, root, project=given.origin == "project")


def tool_digest(tool: McpTool) -> str:
    """SHA-256 (hex) of name, description and schema."""
    return hashlib.sha256(json.dumps(tool.model_dump(), sort_keys=True).encode()).hexdigest()
