"""Plans, slash commands, their completion and the reason for a model, as the magics show them."""

from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.magics.arguments import Ask, read_line
from codemad_jupyter.magics.completing import completions
from codemad_jupyter.magics.render import bundle
from codemad_jupyter.magics.subcommand_forms import Subcommand
from codemad_jupyter.magics.transcript import Transcript
from codemad_jupyter.orchestrator.slash import BUILT_IN
from codemad_jupyter.orchestrator.slash import completions as slash_completions
from codemad_jupyter.protocol import events as ev
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.plans import Plan, PlanTask
from tests.magics.test_magics_elsewhere import in_terminal
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

TASKS = [{"id": "a", "title": "Load it"}, {"id": "b", "title": "Plot it"}]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("plan", Subcommand("plan")),
        ("plan edit 2 'a b' --minutes 5", Subcommand("plan", words=("edit", "2", "a b", "--minutes", "5"))),
        ("plan the analysis", Ask("plan the analysis")),
        ("compact", Ask("/compact")),
        ("mode", Ask("/mode")),
        ("mode auto_edit", Ask("/mode auto_edit")),
        ("mode of the prices", Ask("mode of the prices")),
        ("/fix", Ask("/fix")),
        ("/edti", Ask("/edti")),
        ("/plan clean it", Ask("/plan clean it")),
    ],
)
def test_plans_and_slash_commands_are_read(line: str, expected: Any) -> None:
    assert read_line(line) == expected


def names(letters: str) -> list[str]:
    return [each.name for each in slash_completions(letters, BUILT_IN)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%codemad /re", ["/review"]),
        ("%%codemad /re", ["/review"]),
        ("%codemad --new /re", ["/review"]),
        ("%codemad pl", ["plan"]),
        ("%codemad --mo", ["--model"]),
        ("%codemad why does /re", []),
        ("%%codemad pl", []),
    ],
)
def test_tab_offers_what_may_stand_there(text: str, expected: list[str]) -> None:
    assert completions(text, names) == expected


def test_a_plan_is_drawn_where_it_began_and_a_reason_only_where_there_is_one() -> None:
    transcript = Transcript()
    told = {"prompt": "p", "model": "m/x", "edge": "magic", "target": Target()}
    assert transcript.add(ev.RunStarted(why="the default model", **told)) is None
    assert transcript.add(ev.RunStarted(why="set for plan", **told)) is not None
    plan = Plan(id="p", goal="See", tasks=(PlanTask(id="a", title="Load <b>"),))
    transcript.add(ev.PlanChanged(change="proposed", plan=plan))
    done = plan.model_copy(update={"status": "done", "revision": 2})
    drawn = transcript.add(ev.PlanChanged(change="progress", plan=done))
    assert drawn is not None
    shown = bundle(drawn)
    assert shown["text/plain"].splitlines() == ["m/x: set for plan", "Plan: See (done)", "  1. [ ] Load <b>"]
    assert "```text\nPlan: See (done)" in shown["text/markdown"]


def test_a_plan_from_question_to_end_in_a_shell(tmp_path: Path, model_server: ModelServer) -> None:
    model_server.play(
        Turn(calls=(Call("plan", {"action": "propose", "goal": "See it", "tasks": TASKS}),)),
        Turn(text="Look."),
        Turn(match="Plot it", text="Plotted."),
        Turn(match="Load it", text="Loaded."),
    )
    script = (
        "%load_ext codemad_jupyter\n%codemad /plan see it\n%codemad plan move 2 1\n"
        "%codemad plan approve\n%codemad plan\n"
        "print('offered', get_ipython().complete('/pl', '%codemad /pl', 12)[1])\n"
    )
    shown = in_terminal(
        tmp_path,
        script,
        IPYTHONDIR=str(tmp_path / "ipython"),
        CODEMAD_DATA_DIR=str(tmp_path / "data"),
        CODEMAD_COMPATIBLE_BASE_URL=model_server.openai_url,
        CODEMAD_MODEL="compatible/scripted",
    )
    assert "Plan: See it (waits for approval)" in shown, shown
    assert "1. [ ] Plot it" in shown, shown
    assert shown.index("1. [ ] Plot it") < shown.index("Plotted.") < shown.index("Loaded."), shown
    assert "Plan: See it (done)" in shown
    assert "offered ['/plan']" in shown, shown
