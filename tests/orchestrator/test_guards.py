"""When a model goes round in circles."""

from codemad_jupyter.orchestrator.guards import FAILURES, SAME, Guard
from codemad_jupyter.protocol.messages import ToolCallPart, ToolResultPart


def look(
    guard: Guard, name: str, answer: str = "ok", *, error: bool = False, **arguments: object
) -> str | None:
    call = ToolCallPart(id="1", name=name, arguments=dict(arguments))
    result = ToolResultPart(id="1", name=name, content=answer, is_error=error)
    return guard.look((call,), (result,))


def test_the_same_call_with_the_same_answer_ends_at_the_third() -> None:
    guard = Guard()
    said = [look(guard, "read_file", path="a") or look(guard, "list_files", str(n)) for n in range(SAME)]
    assert said[:-1] == [None] * (SAME - 1)
    assert said[-1] is not None
    assert "same tool call 3 times" in said[-1]
    assert "read_file" in said[-1]


def test_looking_again_at_what_changes_is_no_circle() -> None:
    guard = Guard()
    assert [look(guard, "job_output", f"{number} %") for number in range(20)] == [None] * 20


def test_ids_and_times_make_no_difference() -> None:
    guard = Guard()
    answers = [f'{{"edit": "edit-{n:012x}", "seconds": 0.{n}}}' for n in range(SAME)]
    assert [look(guard, "insert_cell", answer) for answer in answers][-1] is not None


def test_back_and_forth_ends_at_the_second_time() -> None:
    guard = Guard()
    said = [look(guard, name) for name in ("list_files", "list_variables") * 2]
    assert said[:3] == [None] * 3
    assert said[3] is not None
    assert "back and forth" in said[3]


def test_nothing_but_failures_is_no_progress() -> None:
    guard = Guard()
    said = [look(guard, "edit_file", f"no {n}", error=True, old=str(n)) for n in range(FAILURES)]
    assert said[:-1] == [None] * (FAILURES - 1)
    assert said[-1] is not None
    assert "no progress" in said[-1]
    assert look(guard, "edit_file", "fine", old="x") is None
