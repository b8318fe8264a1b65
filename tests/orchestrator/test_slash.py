"""Slash commands: reading, expanding, completing, explaining; and what packages add."""

import pytest

from codemad_jupyter.orchestrator import slash
from codemad_jupyter.protocol.commands import Prompt
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.slash import SlashCommand

OWN = SlashCommand(
    name="sql", usage="QUESTION", text="answer with a query", template="Write SQL: {given}", intent="edit"
)
ALL = slash.gathered((OWN,))


def prompt(text: str) -> Prompt:
    return Prompt(session="s", text=text, edge="test")


@pytest.mark.parametrize(
    ("text", "intent", "expanded"),
    [
        ("/ask fix what?", "answer", "fix what?"),
        ("/fix", "fix", "Fix the last error."),
        ("/Explain the\nplot", "explain", "Explain the\nplot"),
        ("/doc area()", "document", "Write docstrings or documentation for area()"),
        ("/plan clean the data", "plan", "clean the data"),
        ("/sql top ten", "edit", "Write SQL: top ten"),
        ("/data/a.csv: what is in it?", "auto", "/data/a.csv: what is in it?"),
        (" /fix it", "auto", " /fix it"),
        ("1 /fix", "auto", "1 /fix"),
    ],
)
def test_a_prompt_is_read(text: str, intent: str, expanded: str) -> None:
    found = slash.expanded(prompt(text), ALL)
    assert (found.intent, found.text) == (intent, expanded)


@pytest.mark.parametrize(
    ("text", "said"),
    [("/edti x", "Did you mean /edit"), ("/search", "Write /search WHAT"), ("/x", "/help lists")],
)
def test_a_slip_is_told(text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        slash.expanded(prompt(text), ALL)
    assert said in str(error.value)


def test_completions_are_those_that_begin_so() -> None:
    assert [each.name for each in slash.completions("/re", ALL)] == ["review"]
    assert [each.label for each in slash.completions("/sq", ALL)] == ["/sql QUESTION"]
    assert len(slash.completions("/", ALL)) == len(slash.BUILT_IN) + 1


def test_help_names_every_command() -> None:
    told = slash.help_text("", ALL)
    assert all(f"`/{command.name}" in told for command in ALL)
    assert slash.help_text("/sql", ALL).count("- `") == 1


def test_a_taken_name_is_refused() -> None:
    with pytest.raises(UsageError, match="/fix already"):
        slash.gathered((OWN.model_copy(update={"name": "fix"}),))
