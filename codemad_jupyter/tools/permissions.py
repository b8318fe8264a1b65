"""Decides what a tool call needs: a pure function of its risk and the policy."""

import hashlib
import json
from typing import Any, Literal

from codemad_jupyter.protocol.events import Risk

Decision = Literal["allow", "ask", "deny"]
Policy = Literal["ask", "deny", "allow"]
"""What happens to an action that needs a person: ask one, deny it (nobody is there), or allow it."""


def decide(risk: Risk, policy: Policy) -> Decision:
    """Reading and proposing is free: a proposal changes nothing until a person accepts it.
    Running code and reaching the network need a person, or a policy that speaks for one."""
    if risk in ("read", "write"):
        return "allow"
    return policy


def digest(tool: str, arguments: dict[str, Any]) -> str:
    """SHA-256 (hex) of exactly this action: an approval holds for nothing else."""
    text = json.dumps([tool, arguments], sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
