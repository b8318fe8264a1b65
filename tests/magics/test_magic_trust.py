"""``%codemad trust``: about the folder the shell works in."""

from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.magics.arguments import Ask, read_line
from codemad_jupyter.magics.subcommand_forms import Subcommand
from tests.magics.test_magics_elsewhere import in_terminal


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("trust", Subcommand("trust")),
        ("trust --show", Subcommand("trust", "--show")),
        ("trust --revoke", Subcommand("trust", "--revoke")),
        ("trust me on this", Ask("trust me on this")),
        ("trust --show --revoke", Ask("trust --show --revoke")),
    ],
)
def test_only_the_exact_form_is_a_subcommand(line: str, expected: Any) -> None:
    assert read_line(line) == expected


def test_a_folder_is_trusted_from_its_shell(tmp_path: Path) -> None:
    root = tmp_path / "work"
    root.mkdir()
    (root / "AGENTS.md").write_text("Prefer polars.\n")
    script = (
        "%load_ext codemad_jupyter\n%codemad trust --show\n%codemad trust\n"
        "%codemad context what is this\n%codemad trust --revoke\n"
    )
    elsewhere = {"IPYTHONDIR": str(tmp_path / "ipython"), "CODEMAD_DATA_DIR": str(tmp_path / "data")}
    shown = in_terminal(root, script, **elsewhere)
    assert shown.count("What waits for your trust: AGENTS.md") == 2, shown
    assert "is trusted by you" in shown
    assert "Prefer polars." in shown, shown
