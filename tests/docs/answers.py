"""What a model says to the prompts of the documentation that do not go to the built-in assistant."""

from __future__ import annotations

from tests.servers.wire_formats import Call, Turn

DOCSTRING = '    """What each row earned: units times price."""\n'
REVENUE = "def revenue(sales: pd.DataFrame) -> pd.Series:\n"
TASKS = [
    {"id": "clean", "title": "Clean the sales", "minutes": 10},
    {"id": "compare", "title": "Compare the forecasts", "needs": ["clean"], "minutes": 30},
]


def answers() -> tuple[Turn, ...]:
    """In the order in which they are tried; the last one is for all that is not meant by the others."""
    proposed = {"action": "propose", "goal": "Compare two forecasts of clean sales", "tasks": TASKS}
    written = {"path": "cleaning.py", "old": REVENUE, "new": REVENUE + DOCSTRING}
    return (
        Turn(match="compare two forecasts", calls=(Call("plan", proposed),)),
        Turn(match="Candidate coder-2:", text="coder-2"),
        Turn(match=r"You are coder-1\.", calls=(Call("edit_file", written),)),
        Turn(match=r"You are coder-2\.", calls=(Call("edit_file", written),)),
        Turn(text="Done.", repeat=True),
    )
