"""The tools that run commands, on real processes in the best sandbox of this machine."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import Conflict, Denied, NotFound, ToolError
from codemad_jupyter.protocol.permissions import SandboxState
from codemad_jupyter.tools.jobs import HEAD, MOST_JOBS, TAIL, Commands, Jobs, Order, Transcript
from codemad_jupyter.tools.sandbox import state as sandbox
from codemad_jupyter.tools.sandbox.confinement import PROTECTED, workspace_confinement
from codemad_jupyter.tools.sandbox.guarded import guard
from codemad_jupyter.tools.shell import job_output, list_jobs, next_step, run_command, stop_job
from codemad_jupyter.tools.tool import ToolContext
from tests.tools.taken import Taken

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is a sandbox on Linux alone")
pytestmark = LINUX


class Desk:
    """A context for tools, and what they said while they ran."""

    def __init__(self, root: Path, *, wanted: sandbox.Wanted = "auto", asked: bool = True) -> None:
        self.said: list[str] = []
        self.jobs = Jobs(root, wanted=wanted)
        self.context = ToolContext(
            root=root,
            target=Target(),
            kernel=None,
            notebook=None,
            proposals=Taken([]),
            commands=Commands(self.jobs, nullcontext),
            asked=asked,
            say=self.said.append,
        )

    async def run(self, command: str, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = await run_command.function(
            self.context, **run_command.check({"command": command, **more})
        )
        return found


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    found = Desk(tmp_path)
    yield found
    await found.jobs.close()


async def test_a_command_tells_what_it_wrote_and_how_it_ended(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    result = await desk.run("printf '\\033[31mred\\033[0m\\n'; pwd; exit 3", cwd="below")
    assert (result["exit"], result["ended"]) == (3, "done")
    assert result["output"].splitlines() == ["red", str(tmp_path / "below")]
    assert "".join(desk.said).startswith("red\n")


async def test_the_environment_is_the_kernels_and_holds_no_keys(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    monkeypatch.setenv("JUPYTER_TOKEN", "canary")
    result = await desk.run("command -v python; env")
    assert result["output"].splitlines()[0] == f"{sys.prefix}/bin/python"
    assert "canary" not in result["output"]


async def test_time_runs_out_for_a_command_and_all_it_started(desk: Desk) -> None:
    result = await desk.run("echo begun; (setsid sleep 613 &); sleep 613", timeout=1)
    assert (result["ended"], result["output"]) == ("timeout", "begun\n")
    assert "background=true" in result["next"]
    assert not await asyncio.to_thread(_running, "sleep\0613")


async def test_being_stopped_leaves_nothing_behind(desk: Desk) -> None:
    heard = asyncio.Event()
    order = Order(command="echo up; (setsid sleep 614 &); sleep 614", cwd=desk.context.root, seconds=60)
    running = asyncio.create_task(desk.jobs.run(order, around=nullcontext, heard=lambda text: heard.set()))
    await asyncio.wait_for(heard.wait(), 60)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not await asyncio.to_thread(_running, "sleep\0614")


async def test_a_job_goes_on_and_is_looked_at_and_stopped(desk: Desk) -> None:
    begun = await desk.run("echo one; sleep 615", background=True)
    job = begun["job"]
    seen = await _until(desk, job, "one\n")
    assert seen["ended"] == "running"
    again = await job_output.function(desk.context, job=job, since=seen["since"])
    assert again["output"] == ""
    assert [each["job"] for each in await list_jobs.function(desk.context)] == [job]
    stopped = await stop_job.function(desk.context, job=job)
    assert stopped["ended"] == "stopped"
    assert not desk.jobs.busy
    assert not await asyncio.to_thread(_running, "sleep\0615")
    with pytest.raises(NotFound):
        await stop_job.function(desk.context, job="job-99")


async def _until(desk: Desk, job: str, text: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            seen: dict[str, Any] = await job_output.function(desk.context, job=job, since=0)
            if text in seen["output"] or seen["ended"] != "running":
                return seen
            await asyncio.sleep(0.05)


async def test_only_so_many_jobs_run_at_once(desk: Desk) -> None:
    for _ in range(MOST_JOBS):
        await desk.run("sleep 616", background=True)
    with pytest.raises(Conflict):
        await desk.run("sleep 616", background=True)
    await desk.jobs.close()
    assert not desk.jobs.busy


async def test_a_killed_starter_takes_its_commands_along(tmp_path: Path) -> None:
    """kill -9: nobody is left who could clear up, so the system and the keeper must."""
    code = (
        "import asyncio, sys\n"
        "from contextlib import nullcontext\n"
        "from pathlib import Path\n"
        "from codemad_jupyter.tools.jobs import Jobs, Order\n"
        "command = 'echo up; (setsid sleep 617 &); sleep 617'\n"
        "order = Order(command=command, cwd=Path(sys.argv[1]), seconds=90)\n"
        "say = lambda text: print(text, flush=True)\n"
        "asyncio.run(Jobs(Path(sys.argv[1])).run(order, around=nullcontext, heard=say))\n"
    )
    starter = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path), stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    assert await asyncio.wait_for(starter.stdout.readline(), 60) == b"up\n"
    starter.send_signal(signal.SIGKILL)
    await starter.wait()
    until = time.monotonic() + 60
    while await asyncio.to_thread(_running, "sleep\0617"):
        assert time.monotonic() < until, "the command outlived its starter"
        await asyncio.sleep(0.1)


async def test_without_a_sandbox_somebody_must_have_been_asked(tmp_path: Path) -> None:
    alone = Desk(tmp_path, wanted="off", asked=False)
    with pytest.raises(Denied, match="no sandbox"):
        await alone.run("touch made")
    assert not (tmp_path / "made").exists()
    watched = Desk(tmp_path, wanted="off", asked=True)
    assert (await watched.run("touch made"))["sandbox"] == "none"
    assert (tmp_path / "made").exists()


async def test_the_network_needs_somebody_who_was_asked(tmp_path: Path) -> None:
    with pytest.raises(Denied, match="network"):
        await Desk(tmp_path, asked=False).run("true", network=True)


async def test_a_folder_outside_and_an_empty_command_are_refused(desk: Desk) -> None:
    for cwd in ("..", "/", "nowhere"):
        with pytest.raises(ToolError):
            await desk.run("true", cwd=cwd)
    with pytest.raises(ToolError):
        await desk.run("  ")


async def test_much_output_keeps_its_ends(desk: Desk) -> None:
    result = await desk.run("echo first; head -c 30000000 /dev/zero | tr '\\0' 'x' | fold -w 80; echo last")
    assert result["output"].startswith("first\n")
    assert result["output"].endswith("last\n")
    assert "left out" in result["output"]
    assert len(result["output"]) <= desk.context.output_limit


def test_a_transcript_is_bounded_and_says_what_is_gone() -> None:
    written = Transcript()
    for _ in range(30):
        written.add(b"x" * 100_000)
    written.add("é".encode()[:1])
    written.add("é".encode()[1:])
    text = written.since(0)
    assert written.total == 3_000_001
    assert HEAD + TAIL <= len(text) <= HEAD + 2 * TAIL + 60
    assert text.endswith("é")
    assert "left out" in text
    assert written.since(written.total - 2) == "xé"
    assert written.since(written.total) == ""


def test_files_that_run_something_are_put_back(tmp_path: Path) -> None:
    git = tmp_path / ".git"
    (git / "hooks").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "config").write_text("[core]\n")
    (git / "hooks" / "old").write_text("kept")
    before = guard(tmp_path)
    (git / "config").write_text("[core]\nfsmonitor = evil\n")
    (git / "hooks" / "old").unlink()
    (git / "hooks" / "pre-commit").symlink_to("/bin/true")
    (tmp_path / ".envrc").write_text("evil")
    (tmp_path / "plain").write_text("stays")
    assert before.put_back(walled=True) == (".envrc",)
    assert before.put_back(walled=False) == (".git/config", ".git/hooks/old", ".git/hooks/pre-commit")
    assert (git / "config").read_text() == "[core]\n"
    assert (git / "hooks" / "old").read_text() == "kept"
    assert sorted(each.name for each in (git / "hooks").iterdir()) == ["old", "pre-commit.from-command"]
    assert (git / "config.from-command").exists()
    assert (tmp_path / ".envrc.from-command").read_text() == "evil"
    assert before.put_back(walled=False) == ()
    assert not (tmp_path / ".envrc").exists()
    assert (tmp_path / "plain").exists()


def test_the_whole_home_is_no_workspace(tmp_path: Path) -> None:
    home = tmp_path / "people" / "me"
    home.mkdir(parents=True)
    for root in (Path("/"), tmp_path, home.parent):
        with pytest.raises(ToolError, match="whole home"):
            workspace_confinement(root, environ={"HOME": str(home)})


def test_hidden_places_of_a_home_are_masked_but_for_those_of_programs(tmp_path: Path) -> None:
    home, root = tmp_path / "me", tmp_path / "me" / "project"
    for name in (".ssh", ".aws", ".pyenv", ".local/bin", "project/.git"):
        (home / name).mkdir(parents=True)
    found = workspace_confinement(root, environ={"HOME": str(home), "PATH": "/usr/bin:.:bin"})
    assert {home / ".ssh", home / ".aws", home / ".local"} <= set(found.masked)
    assert home / ".pyenv" not in found.masked
    assert home / ".local/bin" in found.shown
    assert root / ".git" in found.protected
    assert found.environment["PATH"].endswith("/bin:/usr/bin")
    assert ".git" in PROTECTED


@pytest.mark.parametrize(
    ("wanted", "strengths"),
    [("auto", {"strong", "limited"}), ("off", {"none"}), ("container", {"strong", "container"})],
)
async def test_the_state_follows_the_setting(wanted: sandbox.Wanted, strengths: set[str]) -> None:
    found = await sandbox.state(wanted)
    assert isinstance(found, SandboxState)
    assert found.strength in strengths
    assert found.reasons or found.strength == "strong"


async def test_a_demanded_strength_is_not_replaced_by_less() -> None:
    found = await sandbox.state("strong")
    if found.strength == "strong":
        assert await sandbox.backend("strong")
        return
    assert found.strength == "none"
    with pytest.raises(Denied, match="strong sandbox is demanded"):
        await sandbox.backend("strong")


async def test_advice_names_what_the_sandbox_did(desk: Desk) -> None:
    result = await desk.run("curl -sS http://example.invalid; ls / > /etc/made")
    assert "next" in result
    order = Order(command="x", cwd=desk.context.root, seconds=1)
    job = await desk.jobs.run(
        Order(command="exit 1", cwd=order.cwd, seconds=30), around=nullcontext, heard=desk.said.append
    )
    assert "sandbox_network_denied" in next_step(job, "Could not resolve host", confined=True)
    assert next_step(job, "some failure", confined=True) == ""


def _running(words: str) -> list[int]:
    """Processes with these words in their command lines, shells that hold them in a script aside."""
    found = []
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                line = (each / "cmdline").read_bytes()
            except OSError:
                continue
            if line.startswith(words.encode()) and os.getpid() != int(each.name):
                found.append(int(each.name))
    return found
