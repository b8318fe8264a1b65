"""What every edge does about trusting a folder: look, trust, revoke, and say so in words."""

from __future__ import annotations

import os
from pathlib import Path

from codemad_jupyter.config.mcp_definitions import MCP_FILE
from codemad_jupyter.config.private_files import read_bounded
from codemad_jupyter.config.trust import HOOKS, PROJECT_FILE, TrustedFolders, hook_files, role_files
from codemad_jupyter.context.rules import present
from codemad_jupyter.protocol.configuring import FolderTrust
from codemad_jupyter.protocol.errors import UsageError


def look(root: Path) -> FolderTrust:
    """How things stand with the folder, and what in it waits for trust."""
    return _with_found(TrustedFolders().look(root))


def decide(root: Path, *, trusted: bool, seen: str | None = None) -> FolderTrust:
    """Trust the folder or no longer do; ``seen`` is the digest the person was shown."""
    folders = TrustedFolders()
    return _with_found(folders.trust(root, seen=seen) if trusted else folders.revoke(root))


def trust_text(trust: FolderTrust) -> str:
    """How things stand, in words."""
    files = ", ".join(trust.found)
    if trust.state == "untrusted":
        waits = "There is nothing in it that would count."
        if files:
            waits = f"What waits for your trust: {files}."
        return f"You do not trust {trust.folder}. {waits}"
    by = "for this process (CODEMAD_TRUST)" if trust.by == "environment" else "by you"
    lines = [f"{trust.folder} is trusted {by}."]
    if trust.state == "changed":
        what = f"{PROJECT_FILE}, a role or a hook"
        lines.append(f"{what} has changed since and does not count until you trust the folder again.")
    elif files:
        lines.append(f"These count: {files}. {PROJECT_FILE} may only tighten limits; rules are advice.")
        if any(name.startswith(f"{HOOKS}/") for name in trust.found):
            lines.append(f"What {PROJECT_FILE} names as hooks runs on this machine, from {HOOKS} alone.")
    return "\n".join(lines)


def settings_text(trust: FolderTrust) -> str:
    """The project's settings themselves, to be seen before they are trusted; empty where there are none."""
    try:
        data = read_bounded(Path(trust.folder) / PROJECT_FILE, follow_links=False)
    except UsageError as error:
        return str(error)
    return (data or b"").decode(errors="replace")


def _with_found(trust: FolderTrust) -> FolderTrust:
    root = Path(trust.folder)
    settings = (PROJECT_FILE,) if os.path.lexists(root / PROJECT_FILE) else ()
    servers = (MCP_FILE,) if (root / MCP_FILE).is_file() else ()  # each is approved by itself besides
    roles = (path.relative_to(root).as_posix() for path in role_files(root))
    hooks = (path.relative_to(root).as_posix() for path in hook_files(root))
    return trust.model_copy(update={"found": (*settings, *servers, *roles, *hooks, *present(root))})
