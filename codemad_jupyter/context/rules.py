"""The project's own instructions to assistants: AGENTS.md of the workspace root."""

from pathlib import Path

MAX_RULES = 32_000
"""Characters taken from a rules file."""


def read_rules(root: Path) -> str:
    """The text of ``AGENTS.md`` in the root, cut to `MAX_RULES`; empty when there is none.

    The text is advice to the model: permissions never depend on it.
    """
    path = root / "AGENTS.md"
    if not path.is_file() or path.is_symlink():
        return ""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(MAX_RULES)
