"""Owns which MCP servers are defined for a workspace: by the person's settings, and by a trusted project.

Nothing here starts anything. What a project defines counts once the folder is trusted; whether a server may
start is decided by the person for exactly its definition (`mcp_approvals`).
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from codemad_jupyter.config.foreign_programs import executed, names_of, odd_variable
from codemad_jupyter.config.private_files import read_bounded
from codemad_jupyter.config.toml_files import parse
from codemad_jupyter.config.trust import PROJECT_FILE, TrustedFolders
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.mcp import McpDefinition, McpServer
from codemad_jupyter.protocol.policy import NO_POLICY, Policy

MCP_FILE = ".mcp.json"
MOST = 40
"""Servers that one file may define."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,23}")
_PASSED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def defined(
    root: Path, own: Mapping[str, McpServer], *, policy: Policy = NO_POLICY
) -> tuple[McpDefinition, ...]:
    """All servers, the person's own first; of two with one name the second cannot be used, nor one that the
    ``policy`` refuses."""
    found: dict[str, McpDefinition] = {}
    twice: list[McpDefinition] = []
    for each in (*_own(own), *_of_project(root)):
        if each.name in found:
            said = f"there is a server of this name already ({found[each.name].place})"
            twice.append(each.model_copy(update={"problem": said}))
        else:
            found[each.name] = each
    return tuple(_permitted(each, policy) for each in (*found.values(), *twice))


def _permitted(given: McpDefinition, policy: Policy) -> McpDefinition:
    server = given.server
    said = given.problem or policy.server_refusal(command=server.command, args=server.args, url=server.url)
    return given.model_copy(update={"problem": said})


def _own(servers: Mapping[str, McpServer]) -> Iterator[McpDefinition]:
    for name, server in servers.items():
        given = McpDefinition(name=name, server=server, origin="own", place="your settings")
        yield given.model_copy(update={"problem": problem(given)})


def _of_project(root: Path) -> Iterator[McpDefinition]:
    folders = TrustedFolders()
    for file, read in ((PROJECT_FILE, _toml), (MCP_FILE, _json)):
        path = root / file
        try:
            data = read_bounded(path, follow_links=False)
            if data is None:
                continue
            trusted = folders.steers(root, data) if file == PROJECT_FILE else folders.advises(root)
            if not trusted:
                continue
            servers = read(data, path)
        except UsageError:
            continue  # what cannot be read defines nothing
        for name, (server, problems) in list(servers.items())[:MOST]:
            given = McpDefinition(name=name[:40], server=server, origin="project", place=str(path))
            yield given.model_copy(update={"problem": problems or problem(given)})


Found = dict[str, tuple[McpServer, str]]


def _toml(data: bytes, path: Path) -> Found:
    return _checked(parse(data, path).get("mcp"), lambda given: given)


def _json(data: bytes, path: Path) -> Found:
    try:
        table = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid JSON: {error}.") from None
    return _checked(table.get("mcpServers") if isinstance(table, dict) else None, _as_settings)


def _checked(table: Any, read: Any) -> Found:
    found: Found = {}
    for name, given in table.items() if isinstance(table, dict) else ():
        try:
            found[str(name)] = McpServer.model_validate(read(given)), ""
        except (ValidationError, UsageError) as error:
            said = str(error) if isinstance(error, UsageError) else "its definition cannot be understood"
            found[str(name)] = McpServer(), said
    return found


def _as_settings(given: Any) -> dict[str, Any]:
    """An entry of ``.mcp.json`` as our settings would say it."""
    if not isinstance(given, dict):
        raise UsageError("its definition is no table")
    kept = {key: given[key] for key in ("command", "args", "url", "timeout") if key in given}
    env = []
    for name, value in dict(given.get("env") or {}).items():
        passed = _PASSED.fullmatch(str(value))
        if "${" in str(value) and (passed is None or passed[1] != name):
            raise UsageError(f"its variable {name} may only be passed on as ${{{name}}}")
        env.append(str(name) if passed else f"{name}={value}")
    for header, value in dict(given.get("headers") or {}).items():
        scheme, _, rest = str(value).partition(" ")
        passed = _PASSED.fullmatch(rest)
        if header.lower() != "authorization" or scheme.lower() != "bearer" or passed is None:
            raise UsageError(f"its header {header} cannot be used; only Authorization: Bearer ${{NAME}} can")
        kept["bearer_env"] = passed[1]
    return {**kept, "env": env}


def problem(given: McpDefinition) -> str:
    """Why the definition cannot be used; empty where it can."""
    server = given.server
    if not _NAME.fullmatch(given.name) or "__" in given.name:
        return "its name may have letters, digits, - and _, up to 24, and no two _ together"
    if bool(server.command) == bool(server.url):
        return "it needs either a command or a url"
    if server.url and (said := _odd_address(server.url)):
        return said
    if server.command and any("\0" in part for part in (server.command, *server.args)):
        return "its command holds a NUL character"
    for name in (*env_names(server), *filter(None, [server.bearer_env])):
        if said := odd_variable(name):
            return said
    return ""


def _odd_address(url: str) -> str:
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme == "https" or (parts.scheme == "http" and local):
        return "its address holds a password; use bearer_env" if parts.username or parts.password else ""
    return "its address must begin with https:// (http:// on this machine alone)"


def env_names(server: McpServer) -> tuple[str, ...]:
    """The names of the variables the server gets besides the usual few."""
    return names_of(server.env)


def definition_digest(given: McpDefinition, root: Path) -> str:
    """SHA-256 (hex) of what would be started or reached, with the content of the project's files in it."""
    server = given.server
    files = executed((server.command, *server.args), root) if server.command else {}
    said = {**server.model_dump(mode="json", exclude={"timeout"}), "files": files}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
