"""What every edge does about MCP servers: list them, look at what one offers, approve that, forget it."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.config.mcp_approvals import McpApprovals
from codemad_jupyter.config.mcp_definitions import defined, definition_digest
from codemad_jupyter.config.paths import data_dir
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.protocol.errors import Conflict, NotFound, UsageError
from codemad_jupyter.protocol.mcp import McpDefinition, McpOffer, McpStatus, McpTool
from codemad_jupyter.tools.mcp_client import McpConnection
from codemad_jupyter.tools.mcp_sdk import first_line, one_line


@dataclass(frozen=True)
class Desk:
    """The MCP servers of one workspace."""

    root: Path
    settings: Settings

    @property
    def _approvals(self) -> McpApprovals:
        return McpApprovals(data_dir(self.settings))

    def servers(self) -> tuple[McpStatus, ...]:
        """How things stand with each; starts nothing."""
        return tuple(self._approvals.status(each, self.root) for each in self._defined())

    def status(self, name: str) -> McpStatus:
        """How things stand with one. Raises `NotFound`."""
        return self._approvals.status(self._given(name), self.root)

    async def offer(self, name: str, *, digest: str) -> McpOffer:
        """Start the server with exactly this definition and look at what it offers. Raises `Conflict`."""
        given = self._checked(name, digest)
        connection = McpConnection(given, self.root, digest=digest)
        try:
            return await connection.use(lambda session: session.offer())
        finally:
            await connection.close()

    def approve(self, name: str, *, digest: str, tools: tuple[McpTool, ...]) -> McpStatus:
        """Approve exactly this definition and these tools."""
        given = self._checked(name, digest)
        self._approvals.approve(given, self.root, digest=digest, tools=tools)
        return self._approvals.status(given, self.root)

    def approved_tools(self, name: str) -> tuple[McpTool, ...]:
        """The tools as they were approved; none where the definition changed since."""
        approval = self._approvals.of(self._given(name), self.root)
        return approval.tools if approval is not None else ()

    def revoke(self, name: str) -> McpStatus:
        """Approve it no longer."""
        self._approvals.revoke(self._given(name), self.root)
        return self.status(name)

    def _defined(self) -> tuple[McpDefinition, ...]:
        return defined(self.root, self.settings.mcp, policy=self.settings.policy)

    def _given(self, name: str) -> McpDefinition:
        found = [each for each in self._defined() if each.name == name]
        if not found:
            hint = "Define it in your settings ([mcp.NAME]) or, in a folder that you trust, in .mcp.json."
            raise NotFound(f"There is no MCP server {name!r} here.", hint=hint)
        return found[0]

    def _checked(self, name: str, digest: str) -> McpDefinition:
        given = self._given(name)
        if given.problem:
            raise UsageError(
                f"The MCP server {name} cannot be used: {given.problem}.", hint=f"See {given.place}."
            )
        if definition_digest(given, self.root) != digest:
            said = f"The definition of the MCP server {name} is no longer the one that was shown."
            raise Conflict(said, hint="Look at it again: codemad mcp list")
        return given


def status_text(status: McpStatus) -> str:
    """One server, as a person reads it."""
    words = {
        "approved": f"approved, {len(status.tools)} tools",
        "new": "not approved yet",
        "changed": "its definition changed since it was approved",
        "off": f"cannot be used: {status.detail}",
    }
    variables = f"\n    variables: {', '.join(status.env)}" if status.env else ""
    return f"{status.name} ({status.place}): {words[status.state]}\n    {status.runs}{variables}"


def summary(servers: tuple[McpStatus, ...]) -> tuple[str, str]:
    """What to do about those that wait for the person or cannot be used, and all in a line."""
    waits = "See and approve them: codemad mcp list"
    try:
        first_line()
    except UsageError as error:
        return waits if servers else "", f"{len(servers)} servers are defined. {error}"
    told = ", ".join(f"{each.name} ({each.state})" for each in servers)
    worries = any(each.state != "approved" for each in servers)
    return waits if worries else "", told or "no servers are defined"


def changes_text(before: tuple[McpTool, ...], now: tuple[McpTool, ...]) -> str:
    """What the server offers, and how it differs from what was approved."""
    old = {tool.name: tool for tool in before}
    lines: list[str] = []
    for tool in now:
        known = old.pop(tool.name, None)
        if known == tool:
            lines.append(f"  {one_line(tool.name)}: {one_line(tool.description)}")
        elif known is None:
            lines.append(f"+ {one_line(tool.name)}: {one_line(tool.description)}")
        else:
            lines.append(f"! {one_line(tool.name)} has changed:")
            diff = difflib.unified_diff(_lines(known), _lines(tool), "approved", "now", lineterm="", n=1)
            lines += [f"    {one_line(line)}" for line in diff]
    lines += [f"- {one_line(name)} is gone" for name in old]
    return "\n".join(lines) or "  no tools"


def _lines(tool: McpTool) -> list[str]:
    return [
        *tool.description.splitlines(),
        *json.dumps(tool.parameters, indent=1, sort_keys=True).splitlines(),
    ]
