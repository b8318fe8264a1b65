"""What every edge tells of the administrator's policy: whether there is one, what it holds, whom it binds."""

from __future__ import annotations

from codemad_jupyter.app.machine_checks import Check
from codemad_jupyter.config.policy import MEND, SYSTEM_FILE, find_policy
from codemad_jupyter.config.policy_layer import info


def check() -> Check:
    """How things stand with it."""
    shown = info(find_policy())
    if shown is None:
        said = f"none ({SYSTEM_FILE} is not there): your own settings hold"
        return Check(name="policy", state="ok", detail=said)
    if shown.problem:
        said = f"{shown.problem} Nothing but reading is possible."
        return Check(name="policy", state="failed", detail=said, hint=f"{MEND}.")
    said = f"{shown.place}: {'; '.join(shown.said) or 'it limits nothing'}"
    hint = (
        f"{shown.loose} Only {SYSTEM_FILE}, writable by root alone, binds everybody." if shown.loose else ""
    )
    return Check(name="policy", state="warning" if hint else "ok", detail=said, hint=hint)
