"""The window's budget: never exceeded, nothing unused while something waits, omissions named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from codemad_jupyter.config.settings import Settings
from codemad_jupyter.context.budget import (
    OMISSION,
    TAGS,
    Item,
    Piece,
    SegmentName,
    Shares,
    fit,
    shortened,
    spread,
)
from codemad_jupyter.context.gauge import TokenGauge
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.tokens import tokens

SEGMENTS: list[SegmentName] = ["instructions", "project", "task"]
NEEDS = st.lists(st.tuples(st.integers(0, 5_000), st.floats(0.01, 1)), max_size=6)


@given(NEEDS, st.integers(0, 10_000))
def test_what_is_not_used_flows_on(needs: list[tuple[int, float]], room: int) -> None:
    wanted = [need for need, _ in needs]
    given = spread(wanted, [weight for _, weight in needs], room)
    assert all(0 <= got <= need for got, need in zip(given, wanted, strict=True))
    assert sum(given) <= room
    if sum(wanted) <= room:
        assert given == wanted
    else:  # all but the rounding is used
        assert sum(given) >= room - len(needs)


ITEMS = st.builds(
    Item, label=st.text(max_size=5), text=st.text(max_size=60).map(lambda t: t * 50), rank=st.integers(0, 3)
)
PIECES = st.lists(st.tuples(st.sampled_from(SEGMENTS), st.lists(ITEMS, max_size=5)), max_size=6)


@given(PIECES, st.integers(0, 3_000), st.integers(0, 2_000), st.integers(0, 4_000))
def test_the_room_is_never_exceeded(
    parts: list[tuple[SegmentName, list[Item]]], history: int, fixed: int, room: int
) -> None:
    pieces = [Piece(f"p{at}", segment, tuple(items)) for at, (segment, items) in enumerate(parts)]
    if fixed > room:
        with pytest.raises(UsageError, match="larger window"):
            fit(pieces, fixed={"prompt": fixed}, history=history, room=room)
        return
    fitted = fit(pieces, fixed={"prompt": fixed}, history=history, room=room)
    sent = sum(tokens(block.text) + TAGS for block in fitted.blocks)
    assert fixed + sent + fitted.history <= room
    by_name = {segment.name: segment for segment in fitted.segments}
    for piece in pieces:
        text = next((block.text for block in fitted.blocks if block.name == piece.name), "")
        for item in piece.items:
            if item.text.strip() and item.text not in text:
                assert by_name[piece.name].truncated


def test_the_important_stay_and_the_rest_is_named() -> None:
    cells = tuple(Item(f"cell {n}", f"{n}" * 400, rank=abs(n - 5)) for n in range(1, 10))
    fitted = fit([Piece("notebook", "task", cells)], fixed={}, history=0, room=400 + TAGS + OMISSION)
    (segment,) = fitted.segments
    assert segment.left_out == ("cell 1", "cell 2", "cell 3", "cell 7", "cell 8", "cell 9")
    text = fitted.blocks[0].text
    assert text.index("4444") < text.index("5555") < text.index("6666")
    assert "5 more left out" in text


def test_a_long_history_leaves_the_task_its_share_and_takes_what_the_task_leaves() -> None:
    task = Piece("notebook", "task", (Item("a", "x" * 400_000),))
    both = fit([task], fixed={}, history=1_000_000, room=9_000)
    assert both.history == pytest.approx(9_000 * 30 / 70, abs=2)
    small = fit([Piece("notebook", "task", (Item("a", "x" * 400),))], fixed={}, history=1_000_000, room=9_000)
    assert small.history == 9_000 - 101 - TAGS - OMISSION


def test_other_scripts_weigh_more_than_ascii() -> None:
    assert tokens("") == 0
    assert tokens("abcd") == 1
    assert tokens("数据分析") == 5
    assert tokens("данные") == 5
    assert tokens("\ud800") > 0
    assert tokens(shortened("数据" * 5_000, 100)) <= 100


def test_the_shares_of_the_settings_are_those_of_the_budget() -> None:
    assert Shares.read(Settings().context_shares) == Shares()
    for bad in ("", "1/2", "5/15/30/40/11", "5/25/30/40/0", "a/b/c/d/e", "-5/25/30/40/10"):
        with pytest.raises(ValidationError, match="context_shares"):
            Settings(context_shares=bad)


def test_a_provider_that_counts_more_is_believed_at_once_and_less_slowly() -> None:
    gauge = TokenGauge()
    gauge.learn("m", estimated=100, counted=900)
    assert gauge.factor("m") == 1.0
    gauge.learn("m", estimated=1_000, counted=1_500)
    assert gauge.factor("m") == 1.5
    gauge.learn("m", estimated=1_000, counted=1_100)
    assert 1.1 < gauge.factor("m") < 1.5
    gauge.learn("m", estimated=1_000, counted=1_000_000)
    assert gauge.factor("m") == 4.0
    assert gauge.factor("other") == 1.0
