"""Edits on any text: what is not changed stays the same bytes, and a failure changes nothing."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codemad_jupyter.tools.edit_match import replace
from codemad_jupyter.tools.edits.changes import Refused
from codemad_jupyter.tools.edits.document import Document
from codemad_jupyter.tools.edits.formats import parse
from codemad_jupyter.tools.edits.plan import plan
from codemad_jupyter.tools.edits.writing import write

WORDS = st.text("ab \t.\u2019'\"\u2014\u00a0{}", max_size=6)
ENDS = st.sampled_from(["\n", "\r\n", "\n", ""])
TEXTS = st.lists(st.tuples(WORDS, ENDS), max_size=12).map(lambda rows: "".join(a + b for a, b in rows))
SHORT = st.text("ab \n'", min_size=1, max_size=8)


@given(text=st.text("ab\r\n\x0b\x0c\x85\u2028", max_size=30))
def test_a_document_is_its_text(text: str) -> None:
    assert Document.parse(text).text == text


@settings(max_examples=600)
@given(text=st.text("ab \n", max_size=30), start=st.integers(0, 29), size=st.integers(1, 9), new=SHORT)
def test_a_unique_text_is_replaced_literally(text: str, start: int, size: int, new: str) -> None:
    old = text[start : start + size]
    places = sum(text.startswith(old, at) for at in range(len(text)))
    if not old or old == new:
        return
    if places > 1:
        with pytest.raises(Refused):
            replace(text, old, new)
    else:
        assert replace(text, old, new) == text.replace(old, new)


@settings(max_examples=400)
@given(text=st.text("ab \n", max_size=30), old=SHORT, new=SHORT)
def test_every_place_is_replaced_literally(text: str, old: str, new: str) -> None:
    if old in text and old != new:
        assert replace(text, old, new, every=True) == text.replace(old, new)


@settings(max_examples=600)
@given(head=TEXTS, tail=TEXTS, blanks=st.sampled_from(["", " ", "\t ", "\r"]), odd=st.booleans())
def test_bytes_around_a_change_stay(head: str, tail: str, blanks: str, odd: bool) -> None:
    head = head and head.rstrip("\r\n") + "\n"
    quote = "\u2019" if odd else "'"
    text = f"{head}UNIQUE = {quote}x{quote}{blanks}\nLAST\n{tail}"
    made = replace(text, "UNIQUE = 'x'\nLAST", "UNIQUE = 'y'\nLAST")
    assert made.startswith(head)
    assert made.endswith(f"\nLAST\n{tail}")
    assert "UNIQUE = 'y'" in made[len(head) :].split("\n")[0]


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.binary(max_size=30), min_size=2, max_size=4), fails=st.integers(0, 3))
def test_one_failing_file_leaves_all_untouched(texts: list[bytes], fails: int) -> None:
    bodies = [b"first\n" + text for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number, body in enumerate(bodies):
            (root / f"f{number}").write_bytes(body)
        fails %= len(bodies)
        edits = [
            {
                "path": f"f{n}",
                "old_string": "absent and long" if n == fails else "first",
                "new_string": "second",
            }
            for n in range(len(bodies))
        ]
        with pytest.raises(Refused):
            write(plan(root, parse(json.dumps(edits))))
        assert [(root / f"f{n}").read_bytes() for n in range(len(bodies))] == bodies
        assert len(list(root.iterdir())) == len(bodies)
