"""Proposes a cell, and says in one sentence what became of it. Where no cell can be proposed, the code
stands in the answer."""

from collections.abc import Generator
from typing import Any

from codemad_jupyter.gateway.offline.literals import fenced, shown
from codemad_jupyter.gateway.offline.steps import Call, Result, ask

Proposing = Generator[tuple[Call, ...], tuple[Result, ...], str]


def propose_cell(code: str, *, title: str, other: str | None = None, before: str | None = None) -> Proposing:
    """Insert a cell; where its trial fails and ``other`` reads the data differently, try that once."""
    arguments: dict[str, Any] = {"source": code, "title": title}
    if before:
        arguments["before"] = before
    result = yield from ask("insert_cell", **arguments)
    if not result.ok:
        return _instead(result, code)
    failure = trial_failure(result)
    if failure is None:
        return f"I proposed a new cell with it{_passed(result)}."
    cell = _cell(result)
    if other and other != code and cell:
        second = yield from ask("replace_cell", cell=cell, source=other, title=title)
        if second.ok and trial_failure(second) is None:
            return "I proposed a new cell with it; my first version failed its trial, this one did not."
    return (
        f"I proposed a new cell, but its trial run failed: {shown(failure)}. Look at it before you accept it."
    )


def propose_change(cell: str, source: str, *, title: str) -> Proposing:
    """Replace the source of a cell."""
    result = yield from ask("replace_cell", cell=cell, source=source, title=title)
    if not result.ok:
        return _instead(result, source)
    failure = trial_failure(result)
    if failure is None:
        return f"I proposed the change to the cell{_passed(result)}."
    return f"I proposed the change to the cell, but its trial run failed: {shown(failure)}."


def propose_file_change(path: str, old: str, new: str, *, title: str) -> Proposing:
    """Replace a passage of a file."""
    result = yield from ask("edit_file", path=path, old=old, new=new, title=title)
    if not result.ok:
        return _instead(result, new)
    return f"I proposed the change to {shown(path)}."


def propose_file(path: str, content: str, *, title: str) -> Proposing:
    """A new file."""
    result = yield from ask("write_file", path=path, content=content, title=title)
    if not result.ok:
        return _instead(result, content)
    return f"I proposed the new file {shown(path)}."


def trial_failure(result: Result) -> str | None:
    """What went wrong when the proposal was tried, or None."""
    trial = result.data.get("trial") if isinstance(result.data, dict) else None
    if not isinstance(trial, dict) or trial.get("status") != "failed":
        return None
    lines = str(trial.get("detail") or "no detail was given").strip().splitlines()
    return lines[-1][:300] if lines else "no detail was given"


def _passed(result: Result) -> str:
    trial = result.data.get("trial") if isinstance(result.data, dict) else None
    done = isinstance(trial, dict) and trial.get("status") == "passed" and trial.get("method") != "syntax"
    return "; it ran without error on a copy of your data" if done else ""


def _cell(result: Result) -> str | None:
    cell = result.data.get("cell") if isinstance(result.data, dict) else None
    return cell if isinstance(cell, str) else None


def _instead(result: Result, code: str) -> str:
    reason = (
        "this place offers no tool for it" if not result.offered else " ".join(result.content.split())[:300]
    )
    return f"I could not propose it as a change ({reason}), so here it is:\n\n{fenced(code)}"
