"""Values of what an agent may do: the mode a person has chosen, and how well a sandbox confines."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Mode = Literal["ask", "auto_edit", "auto_sandboxed", "batch", "plan"]
"""Who is asked before an effect: a person each time; edits apply by themselves; whatever a strong sandbox
confines runs by itself, too; nobody is there and rules alone decide; or nothing but reading is possible."""

SandboxStrength = Literal["strong", "limited", "container", "none"]


class SandboxState(BaseModel):
    """What confines the commands of agents here, as its own test has found it."""

    model_config = ConfigDict(frozen=True)

    strength: SandboxStrength
    backend: str = ""
    """Name of the backend: bubblewrap, landlock, sandbox-exec; empty where there is none."""
    reasons: tuple[str, ...] = ()
    """Why it is not stronger, a sentence each, for the person who wants to change it."""
