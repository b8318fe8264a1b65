"""What every edge tells of the administrator's policy: whether there is one, what it holds, whom it binds."""

from __future__ import annotations

from typing import Literal

from codemad_jupyter.config.policy import MEND, SYSTEM_FILE, VARIABLE, find_policy
from codemad_jupyter.config.policy_layer import info


def told() -> tuple[Literal["ok", "warning", "failed"], str, str]:
    """How well it is, in words, and what to do."""
    found = find_policy()
    shown = info(found)
    if shown is None:
        return "ok", f"none ({SYSTEM_FILE} is not there): your own settings hold", ""
    if found.problem:
        return "failed", f"{found.problem} Nothing but reading is possible.", f"{MEND}."
    said = f"{shown.place}: {'; '.join(shown.said) or 'it limits nothing'}"
    if shown.binding:
        return "ok", said, ""
    hint = f"Only {SYSTEM_FILE}, writable by root alone, binds everybody ({VARIABLE} can be left out)."
    return "warning", f"{' '.join(found.notices)} {said}", hint
