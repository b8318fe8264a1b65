"""Git as an agent meets it in a folder of its own: it looks, and stays on the branch that is the folder's."""

from typing import Any

from codemad_jupyter.orchestrator.bringing_in import worktrees_of
from codemad_jupyter.orchestrator.own_folder import OwnFolder
from codemad_jupyter.tools.gate import Answered, Question
from codemad_jupyter.tools.project import vcs
from tests.flows.conftest import MakeDesk
from tests.git.gitlab import fill, git, repository
from tests.tools.using import bare_context, use


async def nobody(question: Question) -> Answered:
    return Answered("rejected", "nobody is asked here")


async def test_an_agent_looks_at_git_and_neither_commits_nor_leaves_its_branch(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    services = desk.engine.services
    fill(desk.root, {"m.py": "x = 1\n"})
    repository(desk.root)
    (desk.root / "m.py").write_text("x = 2\n")
    before = git(desk.root, "log", "--branches", "--decorate"), git(desk.root, "status", "--porcelain")
    folder = await OwnFolder.make(services, worktrees_of(services), "small", ask=nobody)
    try:
        offered = {tool.name for tool in folder.equip(services.roles().get("coder")).tools.tools}
        assert {each.name for each in vcs.TOOLS} - offered == {"git_branch", "git_commit"}
        (folder.folder / "m.py").write_text("x = 3\n")
        context = bare_context(folder.folder)
        status: dict[str, Any] = await use(vcs.git_status, context)
        assert (status["branch"], [each["path"] for each in status["changes"]]) == ("codemad/small", ["m.py"])
        shown: dict[str, Any] = await use(vcs.git_diff, context)
        assert shown["changes"][0]["diff"].endswith("-x = 2\n+x = 3\n"), "from what was there, uncommitted"
        log: dict[str, Any] = await use(vcs.git_log, context)
        assert log["commits"][1]["subject"] == "first"
    finally:
        await folder.close()
    assert (
        git(desk.root, "log", "--branches", "--decorate"),
        git(desk.root, "status", "--porcelain"),
    ) == before
