"""What is said about agents' worktrees and about bringing their work together."""

from codemad_jupyter.protocol.base import Value


class WorkClash(Value):
    """A place whose change by ``agent`` was left out: ``path``, and ``cell`` in a notebook. ``others`` are
    the agents that changed the same before; empty where it is the person's own state, or the kind of
    change, that is in the way. It stays in the agent's worktree."""

    path: str
    agent: str
    reason: str
    cell: str = ""
    others: tuple[str, ...] = ()


def whose(others: tuple[str, ...]) -> str:
    """Who did what is in the way."""
    return f"{', '.join(others)} {'has' if len(others) == 1 else 'have'}" if others else "you have"
