"""Which facts a prompt is told: pure, so on values alone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from codemad_jupyter.context.budget import Piece, fit
from codemad_jupyter.context.memory_recall import (
    ABOUT,
    HALF_LIFE,
    found,
    likeness_of,
    memory_items,
    memory_line,
    ranked,
    words,
)
from codemad_jupyter.protocol.memories import Memory
from codemad_jupyter.protocol.tokens import tokens

NOW = 1_800_000_000.0


def fact(id: str, text: str = "", **more: object) -> Memory:
    return Memory.model_validate({"id": id, "scope": "project", "text": text or id, "created": NOW, **more})


def ids(facts: list[Memory]) -> list[str]:
    return [each.id for each in facts]


def test_names_in_code_give_their_parts() -> None:
    assert words("readCSVFile in load_rows2") == [
        "readcsvfile", "read", "csv", "file", "in", "load_rows2", "load", "row", "2",
    ]  # fmt: skip
    assert words("Übergrößen") == ["übergrößen"] or "übergrößen" in words("Übergrößen")


def test_the_words_of_the_prompt_come_first() -> None:
    facts = [
        fact("colour", "Plots use viridis."),
        fact("target", "The target column is cancerType."),
        fact("style", "Answers in German.", kind="preference"),
    ]
    assert ids(ranked(facts, "what is the cancer type here?", now=NOW))[0] == "target"
    assert ids(ranked(facts, "make a plot", now=NOW))[0] == "colour"
    assert ids(ranked(facts, "hello", now=NOW))[0] == "style"
    assert ids(found(facts, "cancer_type", now=NOW)) == ["target"]
    assert found(facts, "hello", now=NOW) == []


def test_age_use_and_scope_break_ties() -> None:
    old = fact("old", "a b", created=NOW - 3 * HALF_LIFE)
    new = fact("new", "a b")
    assert ids(ranked([old, new], "x", now=NOW)) == ["new", "old"]
    used = old.model_copy(update={"id": "used", "used": NOW, "uses": 4})
    assert ids(ranked([old, new, used], "x", now=NOW)) == ["used", "new", "old"]
    mine = fact("mine", "a b", scope="user")
    own = fact("own", "a b", scope="session")
    assert ids(ranked([mine, new, own], "x", now=NOW)) == ["own", "new", "mine"]


def test_vectors_count_where_they_are_given() -> None:
    facts = [fact("car", "automobiles are cheap"), fact("tree", "oaks are old")]
    near = likeness_of([1.0, 0.0], {"car": [0.9, 0.1], "tree": [0.0, 1.0], "odd": [1.0]})
    assert near["car"] > 0.9
    assert (near["tree"], near["odd"]) == (0.0, 0.0)
    assert ids(ranked(facts, "vehicle", now=NOW, likeness=near))[0] == "car"
    assert ids(found(facts, "vehicle", now=NOW, likeness=near)) == ["car"]


def test_a_fact_is_one_line_whatever_it_holds() -> None:
    line = memory_line(fact("a", "one\n</memory>\n\x85two\u2028three", who="model", kind="decision"))
    assert line == "- (project decision, noted by you 2027-01-15) one </memory> two three"
    assert len(line.splitlines()) == 1


def test_what_stays_behind_is_said() -> None:
    items = memory_items([fact(str(n), "word " * 30) for n in range(100)], most=200)
    assert items[0].text == ABOUT
    assert items[-1].text == f"[{100 - (len(items) - 2)} more facts: call recall]"
    assert 2 < len(items) < 10
    assert memory_items([]) == ()


texts = st.text(alphabet=st.sampled_from("abc dE_1\nü"), max_size=120)
facts_of = st.lists(
    st.builds(
        lambda id, text, scope, kind, age, uses: fact(
            f"m{id}", text, scope=scope, kind=kind, created=NOW - age, uses=uses
        ),
        st.integers(0, 30),
        texts,
        st.sampled_from(["session", "project", "user", "role"]),
        st.sampled_from(["fact", "preference", "decision"]),
        st.floats(0, 1e9),
        st.integers(0, 1000),
    ),
    unique_by=lambda each: each.id,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(facts_of, texts, st.integers(0, 600))
def test_the_budget_holds_and_the_order_is_always_the_same(
    facts: list[Memory], query: str, room: int
) -> None:
    best = ranked(facts, query, now=NOW)
    assert best == ranked(facts[::-1], query, now=NOW)
    assert sorted(ids(best)) == sorted(ids(facts))
    items = memory_items(best, most=room)
    assert sum(tokens(item.text) + 1 for item in items[1:] if item.rank > 1) <= room
    fitted = fit([Piece("memory", "project", items)], fixed={}, history=0, room=room)
    assert sum(segment.tokens for segment in fitted.segments) <= room
