"""What is typed after %codemad: options, exact subcommands, and everything else as a question."""

import pytest

from codemad_jupyter.magics.arguments import OPTIONS, Ask, read_cell, read_line, usage
from codemad_jupyter.magics.subcommand_forms import Known, Subcommand
from codemad_jupyter.magics.subcommand_texts import SUBCOMMANDS
from codemad_jupyter.protocol.errors import UsageError


@pytest.mark.parametrize(
    "question",
    [
        "help me plot this",
        "fix the legend",
        "apply a log transform to x",
        "apply df",
        "new column with the ratio",
        "models of the atom?",
        "status of the job",
        "undo the scaling of x",
        "hello",
        "why?",
        "-1 is what kind of number",
        "- a list item",
        "plot x --log please",
        "reject outliers in df",
        "1 + 1",
    ],
)
def test_a_question_may_begin_with_anything(question: str) -> None:
    assert read_line(question) == Ask(question)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", Subcommand("help")),
        ("help", Subcommand("help")),
        ("help apply", Subcommand("help", "apply")),
        ("apply", Subcommand("apply")),
        ("apply all", Subcommand("apply")),
        ("apply 2", Subcommand("apply", "2")),
        ("apply --run", Subcommand("apply", run=True)),
        ("apply 2 --run", Subcommand("apply", "2", run=True)),
        ("apply --run 2", Subcommand("apply", "2", run=True)),
        ("apply edit-1a2b", Subcommand("apply", "edit-1a2b")),
        ("reject 1", Subcommand("reject", "1")),
        ("undo", Subcommand("undo")),
        ("redo", Subcommand("redo")),
        ("status", Subcommand("status")),
        ("models", Subcommand("models")),
        ("models use codemad/offline", Subcommand("models", "codemad/offline")),
        ("record off", Subcommand("record", "off", words=("off",))),
        (
            "replay a/n.cassette.jsonl",
            Subcommand("replay", "a/n.cassette.jsonl", words=("a/n.cassette.jsonl",)),
        ),
        ("replay auto --or-ask", Subcommand("replay", "auto", words=("auto", "--or-ask"))),
        ("new", Subcommand("new")),
        ("fix", Ask("Fix the last error.", intent="fix")),
        ("-m a/b fix", Ask("Fix the last error.", intent="fix", model="a/b")),
        ("-- apply", Ask("apply")),
        ("-- --odd", Ask("--odd")),
    ],
)
def test_exact_forms(line: str, expected: object) -> None:
    assert read_line(line, Known(edits={"edit-1a2b"})) == expected


def test_options_come_first_and_the_question_stays_as_typed() -> None:
    line = "-m x/y --variable df -v other --file 'my data.csv' --intent=answer -n what's   in `df`?"
    assert read_line(line) == Ask(
        "what's   in `df`?", "x/y", "answer", ("df", "other"), ("my data.csv",), True
    )


def test_cell_and_line_make_one_prompt() -> None:
    assert read_cell("-m x/y", "plot\n  this\n") == Ask("plot\n  this", model="x/y")
    assert read_cell("plot", "apply") == Ask("plot\napply")
    assert read_cell("", "apply") == Ask("apply")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("--modle x/y hi", "--model"),
        ("--runn hi", "Usage"),
        ("apxply", "apply"),
        ("apxply 3", "apply"),
        ("statsu", "status"),
        ("unod", "undo"),
        ("modelz", "models"),
        ("apply --rnu", "apply [EDIT] [--run]"),
        ("reject --run", "reject [EDIT]"),
        ("models use", "provider/name"),
        ("--model", "--model NAME"),
        ("--intent sing hi", "answer"),
        ("--new=yes hi", "--new"),
        ("-m x/y", "question"),
        ("-m x/y status", "status"),
    ],
)
def test_slips_are_named_with_what_was_meant(line: str, names: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_line(line)
    assert names in str(caught.value)


def test_an_empty_cell_is_a_slip() -> None:
    with pytest.raises(UsageError, match="Nothing was asked"):
        read_cell("", "  \n ")


def test_a_prompt_of_a_megabyte_is_read_at_once() -> None:
    text = "x" * 1_000_000
    assert read_cell("-m x/y", text).text == text
    assert read_line(f"what {text}").text.startswith("what xxx")


def test_the_usage_names_everything() -> None:
    text = usage()
    for name, (short, _, meaning) in OPTIONS.items():
        assert f"{short}, {name}" in text
        assert meaning in text
    for form, meaning in SUBCOMMANDS.values():
        assert form in text
        assert meaning in text


def test_verify_takes_cells_and_is_else_a_question() -> None:
    assert read_line("verify") == Subcommand("verify")
    assert read_line("verify --cells a b") == Subcommand("verify", "a b")
    assert read_line("verify that df is sorted") == Ask("verify that df is sorted")
