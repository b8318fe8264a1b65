"""``%codemad checkpoints`` and ``%codemad blame``: beside a server, and in a kernel that is on its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.magics.arguments import Ask, read_line
from codemad_jupyter.magics.subcommand_forms import Subcommand
from codemad_jupyter.magics.subcommand_texts import usage_of
from tests.magics.test_magics_elsewhere import NOTEBOOK, in_terminal, kernel_of
from tests.server.processes import running
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn


def test_beside_a_server_the_timeline_is_the_sidebars(tmp_path: Path, model_server: ModelServer) -> None:
    variables = {
        "CODEMAD_COMPATIBLE_BASE_URL": model_server.openai_url,
        "CODEMAD_MODEL": "compatible/scripted",
    }
    with running(tmp_path, env=variables) as server:
        path = tmp_path / "work" / "n.ipynb"
        path.write_text(json.dumps(NOTEBOOK))
        live = kernel_of(server, tmp_path, "n.ipynb")
        try:
            live.run("%load_ext codemad_jupyter")
            assert "No checkpoints yet" in live.run("%codemad checkpoints").text
            proposal = Call("insert_cell", {"source": "y = 2", "after": "first"})
            model_server.play(Turn(text="Here.", calls=(proposal,)), Turn(text="Done."))
            live.run("%%codemad\nadd y", cell="first")
            live.run("%codemad apply 1")
            lines = live.run("%codemad blame").text.splitlines()
            assert "yours" in lines[0]
            assert "compatible/scripted" in lines[1]
            assert "add y" in live.run("%codemad checkpoints").text
            assert "Made " in live.run("%codemad checkpoints make good state").text
            assert "good state" in live.run("%codemad checkpoints show 2").text
            diff = live.run("%codemad checkpoints diff 1").text
            assert "added: n.ipynb cell" in diff
            assert "came back" in live.run("%codemad checkpoints restore 1").text
            assert len(json.loads(path.read_text())["cells"]) == 1
            assert "Redone" in live.run("%codemad redo").text
            assert len(json.loads(path.read_text())["cells"]) == 2
            assert "no name any more" in live.run("%codemad checkpoints name 2").text
            assert "forgotten" in live.run("%codemad checkpoints prune --keep 1").text
            refused = live.run("%codemad checkpoints prune --kep 1")
            assert "unrecognized arguments" in str(refused.error)
        finally:
            live.client.stop_channels()


def test_in_a_terminal_of_its_own(tmp_path: Path) -> None:
    root = tmp_path / "work"
    root.mkdir()
    (root / "a.txt").write_text("one\n")
    script = (
        "%load_ext codemad_jupyter\n%codemad checkpoints make start\n"
        "open('a.txt', 'w').write('two')\n%codemad checkpoints restore start\n"
        "%codemad memory add the target is diagnosis --scope project\n%codemad memory\n"
        "%codemad memory add likes polars --kind preference\n%codemad sessions search diagnosis\n"
    )
    elsewhere = {"IPYTHONDIR": str(tmp_path / "ipython"), "CODEMAD_DATA_DIR": str(tmp_path / "data")}
    shown = in_terminal(root, script, **elsewhere)
    assert "1 file and 0 cells came back." in shown, shown
    assert "project  the target is diagnosis (fact, by you" in shown
    assert "once you confirm it (project preference): likes polars" in shown
    assert "No session said anything about that." in shown
    assert (root / "a.txt").read_text() == "one\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("checkpoints", Subcommand("checkpoints")),
        ("checkpoints diff 1 2", Subcommand("checkpoints", words=("diff", "1", "2"))),
        ("blame", Subcommand("blame")),
        ("checkpoints are what exactly?", Ask("checkpoints are what exactly?")),
        ("blame the weather", Ask("blame the weather")),
    ],
)
def test_only_the_exact_form_is_a_subcommand(line: str, expected: Any) -> None:
    assert read_line(line) == expected


def test_its_help_names_every_verb() -> None:
    text = usage_of("checkpoints")
    for verb in ("list", "show", "diff", "restore", "make", "name", "prune"):
        assert f"checkpoints {verb}" in text
