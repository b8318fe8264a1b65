"""Replacements land exactly once or say where to look."""

import pytest

from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.tools.edit_match import replace


def test_replaces_a_unique_text_and_nothing_else() -> None:
    assert replace("a = 1\nb = 2\n", "b = 2", "b = 3") == "a = 1\nb = 3\n"


def test_names_the_lines_of_an_ambiguous_text() -> None:
    with pytest.raises(ToolError, match=r"2 times in m\.py, at lines 1, 3"):
        replace("x = 1\ny\nx = 1\n", "x = 1", "x = 2", name="m.py")


def test_replaces_every_place_when_told() -> None:
    assert replace("x\ny\nx\n", "x", "z", every=True) == "z\ny\nz\n"


def test_shows_the_closest_place_of_a_missing_text() -> None:
    with pytest.raises(ToolError, match=r"closest place is line 2"):
        replace("def f():\n    return total\n", "    return totall\n", "    return 1\n")


def test_says_when_the_new_text_is_there_already() -> None:
    with pytest.raises(ToolError, match="stands in the text already, at line 1"):
        replace("b = 3\n", "b = 2", "b = 3")


@pytest.mark.parametrize(("old", "new"), [("", "x"), ("a", "a")])
def test_refuses_what_would_change_nothing(old: str, new: str) -> None:
    with pytest.raises(ToolError):
        replace("a\n", old, new)


def test_keeps_windows_line_ends() -> None:
    assert replace("a\r\nb\r\nc\r\n", "a\nb", "x\ny") == "x\r\ny\r\nc\r\n"


def test_keeps_dollar_signs_and_backslashes_literally() -> None:
    assert replace("key\n", "key", r"\1$&\n") == "\\1$&\\n\n"
