"""A path that a rule denies or hides is told nowhere: maps, searches, suggestions, attachments, context."""

from pathlib import Path

import pytest

from codemad_jupyter.context.budget import Shares
from codemad_jupyter.orchestrator.context import Room, Surroundings, build_context
from codemad_jupyter.orchestrator.mentions import Mentions
from codemad_jupyter.protocol.commands import Attachment, Prompt, Target
from codemad_jupyter.protocol.permissions import Rule, Verdict
from codemad_jupyter.tools.permissions import Permissions, may_read
from tests.tools.using import User, bare_context


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "plan.py").write_text("def canary_plan():\n    return 1\n")
    (tmp_path / "open.py").write_text("from private.plan import canary_plan\ndef opened(): ...\n")
    (tmp_path / "link.py").symlink_to(tmp_path / "private" / "plan.py")
    return tmp_path


class NoPorts:
    """Nothing is open."""

    async def kernel(self, target: Target) -> None:
        return None

    async def notebook(self, target: Target) -> None:
        return None


@pytest.mark.parametrize("verdict", ["deny", "hide"])
async def test_tools_do_not_tell(folder: Path, verdict: Verdict) -> None:
    given = Permissions(rules=(Rule(decide=verdict, path="private/**"),))
    user = User(bare_context(folder), given=given)
    told = await user.call("workspace_map")
    assert "opened" in told.content
    assert "plan.py" not in told.content
    found = await user.call("find_symbol", name="canary_plan")
    assert "private/plan.py" not in found.content
    listed = await user.call("list_files", pattern="*.py")
    assert "open.py" in listed.content
    assert "plan.py" not in listed.content
    for path in ("private/plan.py", "link.py", "private/../private/plan.py"):
        assert (await user.call("read_file", path=path)).is_error


async def test_suggestions_do_not_tell(folder: Path) -> None:
    given = Permissions(rules=(Rule(decide="deny", path="private/**"),))
    mentions = Mentions(folder, NoPorts(), 0.5, may_read(given, folder, asking=True))
    names: list[str] = []
    while "open.py" not in names:
        names = [each.name for each in await mentions.find("file:", Target(), ())]
    await mentions.close()
    assert names == ["open.py"]


async def test_attachments_are_left_out_and_that_is_said(folder: Path) -> None:
    warned: list[str] = []

    async def nothing(text: str) -> str:
        return ""

    async def no_memories(text: str) -> tuple[()]:
        return ()

    given = Permissions(rules=(Rule(decide="deny", path="private/**"), Rule(decide="ask", path="open.py")))
    where = Surroundings(
        root=folder,
        kernel=None,
        notebook=None,
        deadline=0.5,
        redact=str,
        warn=warned.append,
        level="outputs",
        other_session=nothing,
        memories=no_memories,
        may_read=may_read(given, folder, asking=True),
    )
    prompt = Prompt(
        session="s",
        text="What does @private/plan.py do?",
        attachments=tuple(Attachment(kind="file", name=name) for name in ("link.py", "open.py")),
    )
    room = Room(tokens=20_000, instructions=0, tools=0, window=None, shares=Shares())
    messages, _ = await build_context(prompt, [], where, room)
    sent = str(messages)
    assert "opened" in sent
    assert "return 1" not in sent
    assert len(warned) == 2
