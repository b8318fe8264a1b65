"""Calls that make no sense are answered, and nothing runs."""

import pytest

from tests.hostile.attacking import Scene
from tests.servers.wire_formats import Call


@pytest.mark.case("EXE-21", "PRV-05")
async def test_calls_that_make_no_sense_are_answered(scene: Scene) -> None:
    touch = f"touch {scene.mark}"
    odd = [
        [Call("run_comand", {"command": touch}), Call("Run_Command", {"command": touch})],
        [Call("run_command", {"command": ["touch", str(scene.mark)]}), Call("run_command", {})],
        [Call("run_command", {"command": touch, "asked": True, "approved": "yes"})],
        [Call("list_files", {}), Call("run_command", {"command": touch, "timeout": "NaN"})],
        [
            Call("run_command", {"command": touch}, id="same"),
            Call("run_command", {"command": touch}, id="same"),
        ],
        [Call("list_files", {"pattern": "*.x"}), Call("write_file", {"path": 7, "content": None})],
    ]
    desk = await scene.desk()
    outcome = await scene.run(desk, *odd)
    assert outcome.end.status == "done"
    assert {event.tool for event in outcome.done if event.status == "ok"} <= {"list_files", "run_command"}
    for raw in ('"text"', "null", "[1]", '{"command": "touch', "", '{"command": 1e999}', '{"a":1}{"b":2}'):
        outcome = await scene.run(desk, [Call("run_command", raw)])
        assert "ok" not in outcome.statuses
        assert not outcome.asked
