"""``%codemad agents``: the words of the command line, in a shell of its own."""

from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.app.agents_commands import read_words
from codemad_jupyter.app.agents_words import VERBS
from codemad_jupyter.magics.arguments import Ask, read_line
from codemad_jupyter.magics.subcommand_forms import Subcommand
from codemad_jupyter.magics.subcommand_texts import usage_of
from codemad_jupyter.protocol.errors import UsageError
from tests.git.gitlab import fill, repository
from tests.magics.test_magics_elsewhere import in_terminal


def test_a_folder_for_an_agent_by_magic(tmp_path: Path) -> None:
    root = tmp_path / "work"
    fill(root, {"a.txt": "one\n"})
    repository(root)
    change = "from pathlib import Path as P; [f.write_text('two') for f in P('../data').rglob('tree/a.txt')]"
    script = (
        "%load_ext codemad_jupyter\n%codemad agents\n%codemad agents new one --task 'do it'\n"
        f"{change}\n%codemad agents list\n%codemad agents merge one --apply\n%codemad agents drop one\n"
    )
    elsewhere = {"IPYTHONDIR": str(tmp_path / "ipython"), "CODEMAD_DATA_DIR": str(tmp_path / "data")}
    shown = in_terminal(root, script, **elsewhere)
    for said in ("No agent has a folder here.", "The agent one has its files in", "do it", "Dropped one."):
        assert said in shown, shown
    assert (root / "a.txt").read_text() == "two"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("agents", Subcommand("agents")),
        (
            "agents new one --task 'two words'",
            Subcommand("agents", words=("new", "one", "--task", "two words")),
        ),
        ("agents are what exactly?", Ask("agents are what exactly?")),
    ],
)
def test_only_the_exact_form_is_a_subcommand(line: str, expected: Any) -> None:
    assert read_line(line) == expected


def test_words_that_make_no_sense() -> None:
    with pytest.raises(UsageError, match="agents"):
        read_words(["drop"])
    for verb in VERBS:
        assert f"agents {verb}" in usage_of("agents")
