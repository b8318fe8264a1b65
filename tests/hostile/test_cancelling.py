"""The person stops a hijacked run at any moment: nothing is half written, nothing runs on, and the session
goes on."""

import asyncio
import os
import random

import pytest

from codemad_jupyter.protocol.commands import Cancel, Prompt
from codemad_jupyter.protocol.permissions import Rule
from tests.git.gitlab import fill
from tests.hostile.attacking import MODEL, Outcome, Scene
from tests.servers.wire_formats import Call, Turn

SHELL_FREE = (Rule(decide="allow", axis="shell", origin="the test"),)
TIMES = int(os.environ.get("HOSTILE_CANCELS", "4"))
LINES = 2_000


def steps(number: int) -> list[Turn]:
    """Ten steps, whose files show by themselves whether they are whole."""
    text = f"{number}\n" * LINES
    write = [Call("write_file", {"path": name, "content": text}) for name in ("a.txt", "b.txt")]
    command = f"for i in 1 2 3; do sleep 0.1; done; yes {number} | head -n {LINES} > c.new; mv c.new c.txt"
    return [
        Turn(text="Let me look. " * 20, delay=0.005, calls=(Call("list_files", {}),)),
        Turn(calls=(write[0],)),
        Turn(calls=(Call("run_command", {"command": command}),)),
        Turn(calls=(write[1], Call("run_code", {"code": "1"}))),
        Turn(calls=(Call("run_command", {"command": "setsid sleep 600 & sleep 600"}),)),
    ]


@pytest.mark.boxed
@pytest.mark.case("EXE-24")
async def test_a_stop_at_any_moment_leaves_whole_files_and_no_process(scene: Scene) -> None:
    """A command is at work at last, so that every stop finds a run to end."""
    dice = random.Random(24)
    fill(scene.stage.work, {name: "old\n" * LINES for name in ("a.txt", "b.txt", "c.txt")})
    desk = await scene.desk("auto_edit", rules=SHELL_FREE)
    for number in range(TIMES):
        scene.model.forget()
        scene.model.play(*steps(number))
        ack = await desk.engine.submit(
            Prompt(session=desk.session, text=f"go {number}", edge="test", model=MODEL)
        )
        stop_at = dice.choice(
            ("run_started", "text_delta", "tool_called", "edit_proposed", "checkpoint_made", "edit_settled",
             "approval_asked", "tool_done")
        )  # fmt: skip
        seen = await desk.until(
            lambda event, kind=stop_at: event.type in (kind, "approval_asked"), after=ack.seq
        )
        await asyncio.sleep(dice.uniform(0, 0.2))
        await desk.engine.submit(Cancel(session=desk.session))
        seen += await desk.until(lambda event: event.type == "run_finished", after=seen[-1].seq)
        assert seen[-1].type == "run_finished"
        assert seen[-1].status == "cancelled", (stop_at, seen[-1])
        for name in ("a.txt", "b.txt", "c.txt"):
            lines = (desk.root / name).read_text().split("\n")
            assert (len(lines), len(set(lines[:-1]))) == (LINES + 1, 1), (name, stop_at)
        await scene.holds(desk, Outcome(seen))
    scene.model.forget()
    outcome = await scene.run(desk, [Call("read_file", {"path": "a.txt"})])
    assert (outcome.end.status, outcome.statuses) == ("done", ["ok"])
