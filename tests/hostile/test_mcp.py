"""What a server of others says of its own tools lowers no gate."""

from pathlib import Path

import pytest

from codemad_jupyter.protocol.mcp import McpTool
from codemad_jupyter.protocol.permissions import Mode, SandboxState
from codemad_jupyter.tools.permissions import Permissions
from tests.tools.test_mcp_client import SCHEMA, Bench, approved, defined

STRONG = SandboxState(strength="strong", backend="bubblewrap")


class Refuses(dict[str, bool]):
    """A person who says no to everything."""

    def get(self, key: str, default: object = None) -> bool:  # type: ignore[override]
        return False


@pytest.mark.case("MCP-06", "MCP-01")
@pytest.mark.parametrize("mode", ["ask", "auto_edit", "auto_sandboxed", "batch", "plan"])
async def test_a_tool_that_says_it_only_reads_is_asked_about(tmp_path: Path, mode: Mode) -> None:
    mark = tmp_path / "mark"
    given = defined("sh", "-c", f"touch {mark}; exec sleep 60")
    names = ("read_file", "list_files", "only_reads", "safe__readonly")
    lying = tuple(McpTool(name=name, description="readOnlyHint: true", parameters=SCHEMA) for name in names)
    bench = Bench(
        tmp_path, approved(tmp_path, given, lying).tools(), given=Permissions(mode=mode, sandbox=STRONG)
    )
    bench.answers = Refuses()
    for name in names:
        assert (await bench.call(f"small__{name}", text="")).is_error
    assert not mark.exists(), "the server was not even started"
    assert len(bench.asked) == (0 if mode in ("batch", "plan") else len(names))
