"""``%codemad merge``: the words of the command line, beside a server and in a shell of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codemad_jupyter.magics.arguments import Ask, read_line
from codemad_jupyter.magics.subcommand_forms import Subcommand
from codemad_jupyter.magics.subcommand_texts import usage_of
from codemad_jupyter.protocol.errors import UsageError
from tests.conflicts import conflict, with_nbdime
from tests.magics.test_magics_elsewhere import NOTEBOOK, in_terminal, kernel_of
from tests.server.processes import running


def ids(file: Path) -> list[str]:
    return [cell["id"] for cell in json.loads(file.read_bytes())["cells"]]


def test_beside_a_server(tmp_path: Path) -> None:
    with running(tmp_path, env=with_nbdime()) as server:
        root = tmp_path / "work"
        (root / "n.ipynb").write_text(json.dumps(NOTEBOOK))
        file = conflict(root)
        before = file.read_bytes()
        live = kernel_of(server, tmp_path, "n.ipynb")
        try:
            live.run("%load_ext codemad_jupyter")
            shown = live.run("%codemad merge m.ipynb").text
            assert "m.ipynb: 4 conflicts" in shown
            assert "ours (main):\n    x = 2" in shown
            assert "theirs (theirs):\n    x = 3" in shown
            assert "4 conflicts" in live.run("%codemad merge --take theirs --check m.ipynb").text
            assert "no choice" in live.run("%codemad merge m.ipynb --choose 2=mine").error
            assert "holds no merge conflict" in live.run("%codemad merge").error, "the notebook of the kernel"
            assert file.read_bytes() == before
            done = live.run("%codemad merge m.ipynb --take theirs --choose 3=both")
            assert "m.ipynb is merged: 4 choices." in done.text, done.error
            assert ids(file) == ["a", "b", "n1", "n2", "c"]
            live.run("%codemad undo")
            assert file.read_bytes() == before
        finally:
            live.client.stop_channels()


def test_in_a_terminal_of_its_own(tmp_path: Path) -> None:
    file = conflict(tmp_path / "work")
    script = "%load_ext codemad_jupyter\n%codemad merge\n%codemad merge m.ipynb --take ours\n"
    elsewhere = {"IPYTHONDIR": str(tmp_path / "ipython"), "CODEMAD_DATA_DIR": str(tmp_path / "data")}
    shown = in_terminal(file.parent, script, **elsewhere, **with_nbdime())
    assert "Which notebook is to be merged?" in shown, shown
    assert "m.ipynb is merged: 4 choices." in shown, shown
    assert ids(file) == ["a", "b", "n1", "c", "d"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("merge", ()),
        ("merge a.ipynb", ("a.ipynb",)),
        ("merge 'my book.ipynb' --take ours", ("my book.ipynb", "--take", "ours")),
        ("merge --take ours --choose 1=both a.ipynb", ("--take", "ours", "--choose", "1=both", "a.ipynb")),
        ("merge --check", ("--check",)),
    ],
)
def test_the_exact_form(line: str, words: tuple[str, ...]) -> None:
    assert read_line(line) == Subcommand("merge", words=words)


@pytest.mark.parametrize(
    "line",
    ["merge the two tables", "merge a.ipynb and b.ipynb", "merge df's columns", "merge left right.ipynb"],
)
def test_a_question_is_a_question(line: str) -> None:
    assert read_line(line) == Ask(line)


def test_what_is_no_option() -> None:
    from codemad_jupyter.app.merge_commands import read_words

    with pytest.raises(UsageError, match="--takes"):
        read_words(["--takes", "ours", "--mine"])


def test_its_help_names_every_option() -> None:
    text = usage_of("merge")
    for word in ("--take SIDE", "--choose N=SIDE", "--check", "ours, theirs, both, base"):
        assert word in text
