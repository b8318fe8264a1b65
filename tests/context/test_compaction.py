"""Shorter conversations: what must stay stays, what goes is told, and nothing grows."""

from hypothesis import given
from hypothesis import strategies as st

from codemad_jupyter.context.compaction import as_text, beginning_with, digest, fitted, pruned, turns
from codemad_jupyter.protocol.messages import Message, TextPart, ToolCallPart, ToolResultPart
from codemad_jupyter.protocol.tokens import message_tokens, tokens


def turn(number: int, *, result: str = "", answer: str = "Fine.") -> list[Message]:
    asked = Message.user(f"request {number}")
    if not result:
        return [asked, Message.assistant(answer)]
    call = ToolCallPart(id=f"c{number}", name="read_file", arguments={"path": f"{number}.py", "x": "y" * 500})
    said = ToolResultPart(id=f"c{number}", name="read_file", content=result)
    made = Message(role="assistant", parts=(call,))
    return [asked, made, Message(role="tool", parts=(said,)), Message.assistant(answer)]


def conversation(count: int, *, result: str = "", answer: str = "Fine.") -> list[Message]:
    return [each for number in range(count) for each in turn(number, result=result, answer=answer)]


def results(messages: tuple[Message, ...]) -> list[str]:
    return [part.content for each in messages for part in each.parts if isinstance(part, ToolResultPart)]


def test_what_fits_stays_as_it_is() -> None:
    messages = conversation(3, result="r" * 100)
    assert fitted(messages, limit=100_000).messages == tuple(messages)
    assert fitted(messages, limit=100_000).left_out == ()


def test_old_results_go_first_and_the_calls_stay() -> None:
    messages = conversation(10, result="r" * 4_000)
    shorter = fitted(messages, limit=8_000)
    assert [each.role for each in shorter.messages] == [each.role for each in messages]
    contents = results(shorter.messages)
    assert contents[-3:] == ["r" * 4_000] * 3
    assert all("Call read_file again" in content for content in contents[:6])
    assert shorter.left_out == (
        f"{sum('again' in content for content in contents)} earlier results of tools",
    )
    again = pruned(shorter.messages, keep=4_000)
    assert again.messages == shorter.messages


def test_then_whole_turns_go_and_are_told_in_short() -> None:
    messages = conversation(40, answer="a" * 2_000)
    shorter = fitted(messages, limit=4_000)
    assert shorter.tokens <= 4_000
    first, *rest = shorter.messages
    head, asked = first.parts
    assert isinstance(head, TextPart)
    assert isinstance(asked, TextPart)
    assert asked.text.startswith("request ")
    assert rest[-2].text == "request 39"
    kept = len(turns(shorter.messages))
    assert shorter.left_out == (f"{40 - kept} earlier turns, told in short",)
    assert f"- Asked: request {39 - kept}" in head.text
    assert "turns before that are not told" in head.text


def test_a_digest_names_what_was_asked_called_and_answered() -> None:
    text = digest(turn(7, result="r" * 5_000, answer="It is   done\nnow."), limit=1_000)
    assert "Asked: request 7" in text
    assert "Called: read_file(path=7.py)" in text
    assert "Answered: It is done now." in text
    assert digest(turn(7), limit=10) == ""


def test_what_is_put_in_front_never_makes_two_messages_of_the_person() -> None:
    assert [each.role for each in beginning_with("x", turn(1))] == ["user", "assistant"]
    assert [each.role for each in beginning_with("x", turn(1)[1:])] == ["user", "assistant"]
    assert beginning_with("", turn(1)) == turn(1)


def test_the_text_to_summarise_is_bounded_per_result() -> None:
    text = as_text(turn(1, result="r" * 50_000))
    assert len(text) < 3_000
    assert "result of read_file" in text


TEXT = st.text(max_size=30).map(lambda text: text * 40)
MESSAGES = st.lists(st.builds(turn, st.integers(0, 99), result=TEXT, answer=TEXT), max_size=12).map(
    lambda found: [each for part in found for each in part]
)


@given(MESSAGES, st.integers(0, 6_000))
def test_nothing_grows_and_the_limit_holds(messages: list[Message], limit: int) -> None:
    whole = sum(map(message_tokens, messages))
    shorter = fitted(messages, limit=limit)
    assert shorter.tokens <= max(min(whole, limit), 0) or shorter.messages == tuple(messages)
    assert shorter.tokens <= limit or whole <= limit
    calls = [call.id for each in shorter.messages for call in each.tool_calls]
    answered = [
        part.id for each in shorter.messages for part in each.parts if isinstance(part, ToolResultPart)
    ]
    assert calls == answered
    told = digest(messages, limit=limit)
    assert tokens(told) <= limit
