"""Rules, rendering and budget."""

from pathlib import Path

from codemad_jupyter.context.budget import Piece, fit, recent, tokens
from codemad_jupyter.context.render import kernel_text, notebook_text
from codemad_jupyter.context.rules import MAX_RULES, read_rules
from codemad_jupyter.protocol.kernels import Cell, Column, KernelReport, NotebookView, Variable
from codemad_jupyter.protocol.messages import Message


def test_rules_are_bounded_and_never_followed_through_a_link(tmp_path: Path) -> None:
    assert read_rules(tmp_path) == ""
    (tmp_path / "AGENTS.md").write_text("x" * (MAX_RULES + 10))
    assert len(read_rules(tmp_path)) == MAX_RULES
    other = tmp_path / "other"
    other.mkdir()
    (other / "AGENTS.md").symlink_to(tmp_path / "AGENTS.md")
    assert read_rules(other) == ""


def test_pieces_are_cut_to_their_share() -> None:
    fitted, segments = fit([Piece("a", "x" * 10_000, 0.1), Piece("b", "  ", 0.5)], window=1_000)
    assert [piece.name for piece in fitted] == ["a"]
    assert segments[0].truncated
    assert segments[0].tokens <= 100 + tokens("\n[… cut to fit …]")


def test_recent_keeps_the_last_user_message_whatever_its_size() -> None:
    long = Message.user("x" * 100_000)
    history = [Message.user("a"), Message.assistant("b"), long]
    assert recent(history, limit=10) == [long]
    assert recent(history[:2], limit=10_000) == history[:2]


def test_recent_begins_with_a_user_message() -> None:
    history = [Message.user("a"), Message.assistant("b" * 400), Message.user("c")]
    assert recent(history, limit=110)[0].role == "user"


def test_rendering_names_what_matters() -> None:
    frame = Variable(
        name="df",
        type="DataFrame",
        kind="dataframe",
        shape=(3, 2),
        columns=(Column(name="mean radius", dtype="float64"),),
        more_columns=1,
    )
    text = kernel_text(KernelReport(variables=(frame,)))
    assert "df: DataFrame 3 x 2" in text
    assert "mean radius float64" in text
    assert "1 more" in text
    view = NotebookView(
        path="n.ipynb", cells=(Cell(id="a1", cell_type="code", source="1/0", outputs_text="y" * 1_000),)
    )
    shown = notebook_text(view, "a1")
    assert '<cell id="a1" type="code" active>' in shown
    assert "[…]" in shown
