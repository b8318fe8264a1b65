"""A server that loads CodeMAD pays next to nothing before somebody asks for it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.server.processes import running

HEAVY = ("anthropic", "duckdb", "git", "litellm", "mcp", "openai", "pandas", "pydantic")
OURS = re.compile(r"\|\s+(codemad_jupyter[\w.]*)$", re.MULTILINE)


def test_nothing_heavy_is_imported_at_start(tmp_path: Path) -> None:
    with running(tmp_path, lab=True, flags=("-X", "importtime")) as server:
        assert server.ask("api/status")["kernels"] == 0
    text = server.log.read_text()
    assert "codemad_jupyter | extension was successfully loaded" in text
    imported = {name.partition(".")[0] for name in re.findall(r"\|\s+([\w.]+)$", text, re.MULTILINE)}
    assert "tornado" in imported
    assert not imported & set(HEAVY)
    rooms = {name.split(".")[1] for name in OURS.findall(text) if "." in name}
    assert rooms == {"server"}, "only the server room is imported before it is asked for"


def test_the_engine_starts_at_its_first_use(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert server.ask("codemad/status")["engine"] == "asleep"
        assert server.ask("codemad/sessions")["current"]
        assert server.ask("codemad/status")["engine"] == "ready"
    assert "Traceback" not in server.log.read_text()
