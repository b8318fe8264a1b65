"""Accepted changes are committed where the settings say so, and the person's own work is left alone."""

import json
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.protocol.commands import AcceptEdit, RejectEdit, Undo
from codemad_jupyter.protocol.edits import Edit
from codemad_jupyter.protocol.events import Committed, Event, Notice
from tests.flows.conftest import Desk, MakeDesk
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

MODEL = "compatible/scripted"
Make = Callable[..., Awaitable[Desk]]


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.strip()


@pytest.fixture
def make(
    make_desk: MakeDesk, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Make:
    async def build(mode: str = "plain") -> Desk:
        monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
        monkeypatch.setenv("CODEMAD_AUTO_COMMIT", mode)
        root = tmp_path / "work"
        root.mkdir()
        git(root, "init", "-q", "-b", "main")
        git(root, "config", "user.name", "Ann Person")
        git(root, "config", "user.email", "ann@example.org")
        for name in ("a.txt", "b.txt", "c.txt"):
            (root / name).write_text(f"{name} one\n")
        git(root, "add", ".")
        git(root, "commit", "-q", "-m", "start")
        hook = root / ".git" / "hooks" / "pre-commit"
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\nexit 1\n")
        hook.chmod(0o755)
        return await make_desk(root=root)

    return build


async def propose(desk: Desk, server: ModelServer, *calls: Call) -> list[Edit]:
    server.play(Turn(calls=calls), Turn(text="Proposed."))
    events = await desk.ask("change a and c\nand more", model=MODEL)
    return [event.edit for event in events if event.type == "edit_proposed"]


def change(name: str) -> Call:
    return Call("edit_file", {"path": name, "old": "one", "new": "two"})


async def accept(desk: Desk, edits: list[Edit]) -> list[Event]:
    said: list[Event] = []
    for edit in edits:
        said += await desk.do(AcceptEdit(session=desk.session, edit=edit.id))
    return said


async def test_exactly_the_touched_files_are_committed_once_all_is_settled(
    make: Make, model_server: ModelServer, tmp_path: Path
) -> None:
    desk = await make()
    root = desk.root
    (root / "b.txt").write_text("staged by Ann\n")
    git(root, "add", "b.txt")
    (root / "b.txt").write_text("and changed again\n")
    (root / "mine.txt").write_text("untracked\n")
    new = Call("write_file", {"path": "new/d.txt", "content": "d\n"})
    edits = await propose(desk, model_server, change("a.txt"), new, change("c.txt"))
    said = await accept(desk, edits[:2])
    assert not [event for event in said if isinstance(event, Committed)], "one edit still waits"
    said = await desk.do(RejectEdit(session=desk.session, edit=edits[2].id))
    made = next(event for event in said if isinstance(event, Committed))
    assert set(made.files) == {"a.txt", "new/d.txt"}
    assert git(root, "log", "-1", "--format=%H %an <%ae>") == f"{made.commit} Ann Person <ann@example.org>"
    assert git(root, "log", "-1", "--format=%s") == "change a and c"
    body = git(root, "log", "-1", "--format=%(trailers)")
    assert body.splitlines() == [f"CodeMAD-Session: {desk.session}", f"CodeMAD-Run: {made.run}"]
    assert git(root, "show", "--format=", "--name-only").split() == ["a.txt", "new/d.txt"]
    assert git(root, "diff", "--cached", "--name-only") == "b.txt"
    assert git(root, "show", ":b.txt") == "staged by Ann"
    assert git(root, "status", "--porcelain").splitlines() == ["MM b.txt", "?? mine.txt", "?? n.ipynb"]
    assert not (tmp_path / "hooked").exists()
    git(root, "fsck", "--strict")
    lines = [line for line in desk.engine.services.audit.lines() if line.tool == "auto_commit"]
    assert [line.action for line in lines] == [f"commit {made.commit[:12]} on main: a.txt, new/d.txt"]
    undone = await desk.do(Undo(session=desk.session))
    assert (root / "a.txt").read_text() == "a.txt one\n"
    assert git(root, "rev-parse", "HEAD") == made.commit, "history is the person's"
    assert [made.commit[:12] in event.text for event in undone if isinstance(event, Notice)] == [True]


async def test_files_with_staged_changes_and_ignored_ones_are_left_out_and_named(
    make: Make, model_server: ModelServer
) -> None:
    desk = await make()
    (desk.root / "a.txt").write_text("a.txt one\nstaged\n")
    git(desk.root, "add", "a.txt")
    (desk.root / ".gitignore").write_text("*.log\n")
    head = git(desk.root, "rev-parse", "HEAD")
    log = Call("write_file", {"path": "x.log", "content": "x\n"})
    said = await accept(desk, await propose(desk, model_server, change("a.txt"), log))
    notice = next(event.text for event in said if isinstance(event, Notice))
    assert "a.txt: you have staged a change of it" in notice
    assert "x.log: it is ignored" in notice
    assert git(desk.root, "rev-parse", "HEAD") == head


@pytest.mark.parametrize("state", ["merge", "detached", "locked", "hostile", "attributes"])
async def test_no_commit_where_something_is_going_on(
    make: Make, model_server: ModelServer, state: str, tmp_path: Path
) -> None:
    desk = await make()
    root = desk.root
    if state == "merge":
        (root / ".git" / "MERGE_HEAD").write_text(git(root, "rev-parse", "HEAD") + "\n")
    elif state == "detached":
        git(root, "checkout", "-q", "--detach")
    elif state == "locked":
        (root / ".git" / "index.lock").touch()
    elif state == "hostile":
        git(root, "config", "core.fsmonitor", f"touch {tmp_path}/hooked")
    else:
        (root / ".gitattributes").write_text("*.txt filter=x\n")
    head = (root / ".git" / "refs" / "heads" / "main").read_text()
    said = await accept(desk, await propose(desk, model_server, change("a.txt")))
    notices = [event.text for event in said if isinstance(event, Notice) and event.code == "commit"]
    assert len(notices) == 1
    assert "committed" in notices[0]
    assert (root / ".git" / "refs" / "heads" / "main").read_text() == head
    assert (root / "a.txt").read_text() == "a.txt two\n"
    assert not (tmp_path / "hooked").exists()


async def test_a_notebook_is_committed_and_a_model_may_write_the_message(
    make: Make, model_server: ModelServer
) -> None:
    desk = await make("model")
    git(desk.root, "add", "n.ipynb")
    git(desk.root, "commit", "-q", "--no-verify", "-m", "notebook")
    edits = await propose(desk, model_server, Call("insert_cell", {"source": "y = 2", "after": "load"}))
    model_server.play(Turn(text="Add y\n\nIt is two.\nCodeMAD-Run: forged"))
    said = await accept(desk, edits)
    made = next(event for event in said if isinstance(event, Committed))
    assert made.files == ("n.ipynb",)
    assert git(desk.root, "log", "-1", "--format=%s") == "Add y"
    assert git(desk.root, "log", "-1", "--format=%(trailers:key=CodeMAD-Run,valueonly)") == made.run
    committed = json.loads(git(desk.root, "show", "HEAD:n.ipynb"))
    assert [cell["id"] for cell in committed["cells"]][:2] == ["intro", "load"]


async def test_it_is_off_unless_the_person_says_otherwise(
    make: Make, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desk = await make("off")
    head = git(desk.root, "rev-parse", "HEAD")
    assert not [
        e
        for e in await accept(desk, await propose(desk, model_server, change("a.txt")))
        if e.type == "committed"
    ]
    assert git(desk.root, "rev-parse", "HEAD") == head
    monkeypatch.delenv("CODEMAD_AUTO_COMMIT")
    (desk.root / "codemad.toml").write_text('auto_commit = "plain"\n')
    monkeypatch.setenv("CODEMAD_TRUST", str(desk.root))
    settings = load_settings(desk.root)
    assert settings.auto_commit == "off"
    assert "auto_commit" in settings.notices[0]
