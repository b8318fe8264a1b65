"""What makes two requests the same for a cassette, and what does not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codemad_jupyter.gateway.normal import Names, normalised, sketch
from codemad_jupyter.gateway.provider import Request, ToolSpec
from codemad_jupyter.protocol.messages import (
    ImagePart,
    Message,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)

TOOLS = tuple(
    ToolSpec(name=name, description=f"Does {name}", parameters={"type": "object"})
    for name in ("insert_cell", "run_code")
)


def request(
    *,
    mark: str = "1a2b3c4d",
    cell: str = "9f8e7d6c",
    edit: str = "0123456789ab",
    call: str = "call_1",
    secret: str = "abc123",  # noqa: S107 - the digits of a placeholder
    root: str = "/home/ada/work",
    seconds: float = 0.25,
    pid: int = 4711,
    prompt: str = "add a and b",
    **changes: Any,
) -> Request:
    """A conversation as it comes to a model: context, a proposal, its result, the next question."""
    shown = f'<cell-{mark} id="{cell}" type="code" active>\nopen("{root}/data.csv")\n</cell-{mark}>'
    result = {"edit": f"edit-{edit}", "status": "proposed", "cell": cell, "seconds": seconds}
    told = f"I changed {cell} in {root} with [secret {secret}: API key]."
    warned = f"{root}/n.py and /tmp/ipykernel_{pid}/{pid}99.py:1: at 0x7f{pid}0000ab"
    messages = (
        Message(role="user", parts=(TextPart(text=f"<context-{mark}>\n{shown}\n</context-{mark}>"),)),
        Message(
            role="assistant",
            parts=(
                ThinkingPart(text="hm", signature=f"c2ln{call}", provider="anthropic"),
                ToolCallPart(id=call, name="replace_cell", arguments={"cell": cell, "source": warned}),
            ),
        ),
        Message(
            role="tool",
            parts=(ToolResultPart(id=call, name="replace_cell", content=json.dumps(result), level="schema"),),
        ),
        Message.assistant(told),
        Message.user(prompt),
    )
    fields = {"model": "a/b", "system": "Be brief.", "messages": messages, "tools": TOOLS, **changes}
    return Request(**fields)


def key(asked: Request, root: str = "/home/ada/work") -> str:
    return sketch(normalised(asked, roots=(Path(root),))[0]).key


HEX = "0123456789abcdef"
eight, six, twelve = (st.text(HEX, min_size=n, max_size=n) for n in (8, 6, 12))


@settings(max_examples=60, deadline=None)
@given(
    mark=eight,
    cell=eight,
    edit=twelve,
    secret=six,
    call=st.text("abcdefgh_0123", min_size=1, max_size=20),
    root=st.lists(st.text("abcxyz_-. ", min_size=1, max_size=8).filter(str.strip), min_size=1, max_size=4),
    seconds=st.floats(0, 1000, allow_nan=False),
    pid=st.integers(100_000, 999_999),
)
def test_names_marks_paths_and_durations_change_nothing(root: list[str], **changes: Any) -> None:
    place = str(Path("/srv", *root))
    assert key(request(root=place, **changes), place) == key(request(pid=123_456))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), eight, st.sampled_from(["/home/ada/work", "⟦workspace⟧", "⟦cell 1⟧"]))
def test_what_is_normal_stays(text: str, cell: str, extra: str) -> None:
    once, _ = normalised(request(prompt=f"{text} {extra} {cell}", cell=cell), roots=(Path("/home/ada/work"),))
    twice, _ = normalised(once, roots=(Path("/home/ada/work"),))
    assert twice == once
    assert sketch(twice).key == sketch(once).key


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "add a and c"},
        {"prompt": "add the sales of 20240101"},
        {"model": "a/c"},
        {"system": "Be long."},
        {"tools": TOOLS[:1]},
        {"tools": (TOOLS[0], TOOLS[1].model_copy(update={"description": "Does more"}))},
        {"temperature": 0.5},
        {"max_tokens": 100},
        {"thinking": True},
    ],
    ids=lambda changes: " ".join(map(str, changes)),
)
def test_what_matters_changes_the_key(changes: dict[str, Any]) -> None:
    assert key(request(**changes)) != key(request())


def test_where_packages_are_installed_says_nothing() -> None:
    def trace(place: str, line: int = 3) -> Request:
        shown = f'File "{place}/lib/python3.12/site-packages/pandas/a.py", line {line}'
        return request(prompt=f"{shown}, in {place}/lib/python3.11/x.py")

    assert key(trace("/opt/conda")) == key(trace("/home/ada/my-env_2"))
    assert key(trace("/opt")) != key(trace("/opt", 4))


def test_a_date_of_eight_digits_is_no_id() -> None:
    assert key(request(prompt="sales of 20240101")) != key(request(prompt="sales of 20240102"))


def test_the_order_counts_where_the_wire_counts_it() -> None:
    assert key(request(tools=TOOLS[::-1])) == key(request())
    assert key(request(timeout=5.0)) == key(request())
    asked = request()
    calls = tuple(ToolCallPart(id=f"c{n}", name="f", arguments={"x": n, "y": n}) for n in range(2))
    swapped = tuple(call.model_copy(update={"arguments": {"y": n, "x": n}}) for n, call in enumerate(calls))
    results = tuple(ToolResultPart(id=f"c{n}", name="f", content=str(n)) for n in range(2))

    def then(made: tuple[ToolCallPart, ...], got: tuple[ToolResultPart, ...]) -> Request:
        more = (Message(role="assistant", parts=made), Message(role="tool", parts=got))
        return asked.model_copy(update={"messages": (*asked.messages, *more)})

    assert key(then(calls, results)) == key(then(swapped, results[::-1]))
    assert key(then(calls, results)) != key(then(calls[::-1], results))
    wrong = tuple(part.model_copy(update={"content": "7"}) for part in results)
    assert key(then(calls, results)) != key(then(calls, wrong))
    failed = tuple(part.model_copy(update={"is_error": True}) for part in results)
    assert key(then(calls, results)) != key(then(calls, failed))


def test_an_image_counts_and_is_not_kept() -> None:
    def shown(data: str) -> Request:
        image = ImagePart(mime="image/png", data=data)
        return request(messages=(Message(role="user", parts=(image, TextPart(text="what is it"))),))

    assert key(shown("aGVsbG8=" * 50)) == key(shown("aGVsbG8=" * 50))
    assert key(shown("aGVsbG8=" * 50)) != key(shown("d29ybGQ=" * 50))
    assert "aGVsbG8" not in json.dumps(sketch(normalised(shown("aGVsbG8=" * 50))[0]).values)


def test_a_machine_counts_only_where_the_person_speaks_of_it() -> None:
    def looked(memory: int, tool: str) -> Request:
        content = json.dumps({"version": "3.12.1", "memory": memory, "seconds": memory / 7})
        call = ToolCallPart(id="c", name=tool)
        result = ToolResultPart(id="c", name=tool, content=content)
        parts = (Message(role="assistant", parts=(call,)), Message(role="tool", parts=(result,)))
        return request(messages=(Message.user("look"), *parts))

    assert key(looked(100, "list_variables")) == key(looked(200, "list_variables"))
    assert key(looked(100, "run_code")) != key(looked(200, "run_code"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["9f8e7d6c", "[secret abc123: API key]", "/home/ada/work/x", "text", "\n"])))
def test_an_answer_speaks_of_what_is_there_now(words: list[str]) -> None:
    _, recorded = normalised(request(), roots=(Path("/home/ada/work"),))
    _, now = normalised(request(cell="00112233", secret="fedcba", root="/mnt/b"), roots=(Path("/mnt/b"),))
    told = recorded.text(" ".join(words), new=False)
    assert "9f8e7d6c" not in told
    assert "/home/ada" not in told
    moved = {"9f8e7d6c": "00112233", "abc123": "fedcba", "/home/ada/work": "/mnt/b"}
    wanted = re.sub("|".join(moved), lambda found: moved[found[0]], " ".join(words))
    assert now.restored(told) == wanted


def test_a_workspace_that_is_everything_has_no_name() -> None:
    assert Names((Path("/"),)).text("/etc/hosts at /") == "/etc/hosts at /"
    assert Names((Path("/a"),)).text("/ab /a/b /a. x/a") == "/ab ⟦workspace⟧/b ⟦workspace⟧. x/a"


@pytest.mark.parametrize(
    "text",
    ["x" * 400_000, "<cell" * 80_000, "/lib/python3" * 40_000, '"cells": ["' * 40_000, "at 0x" * 80_000],
)
def test_long_outputs_take_no_time(text: str) -> None:
    """Whatever took more than linear time would take minutes here."""
    assert key(request(prompt=text))
