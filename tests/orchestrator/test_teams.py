"""Teams: who works when, what is said, what it costs, and what happens when one fails or all are stopped."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from codemad_jupyter.orchestrator.team import Delegate, Report, Say, Team, TeamLimits
from codemad_jupyter.orchestrator.teams import Stage, hierarchy, mesh, pipeline, swarm
from codemad_jupyter.protocol.agents import AgentMessage
from codemad_jupyter.protocol.errors import ToolError

Work = Callable[[str, str, tuple[AgentMessage, ...], Delegate | None], Awaitable[Report]]


class Script:
    """Runs a scripted function as every role, and counts who works at once."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.now = self.most = 0
        self.begun: list[str] = []

    async def __call__(
        self, role: str, task: str, *, agent: str, inbox: tuple[AgentMessage, ...], delegate: Delegate | None
    ) -> Report:
        self.begun.append(agent)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await self._work(agent, task, inbox, delegate)
        finally:
            self.now -= 1


def answers(**texts: Report | Exception) -> Work:
    async def work(agent: str, task: str, inbox: object, delegate: object) -> Report:
        await asyncio.sleep(0)
        answer = texts.get(agent.replace("-", "_"), Report(f"{agent} did it", tokens=10, cost=0.5))
        if isinstance(answer, Exception):
            raise answer
        return answer

    return work


async def test_a_pipeline_hands_on_and_ends_with_a_failure() -> None:
    tasks: list[str] = []

    async def work(agent: str, task: str, inbox: object, delegate: object) -> Report:
        tasks.append(task)
        if agent == "tester-3":
            raise ToolError("no tests")
        return Report(f"by {agent}", tokens=3, cost=0.25)

    team = Team(Script(work))
    roles = ("planner", "coder", "tester", "documenter")
    reports = await pipeline(team, [Stage(role, f"do {role}") for role in roles])
    assert [(report.status, report.text) for report in reports] == [
        ("done", "by planner-1"), ("done", "by coder-2"), ("failed", "no tests"),
    ]  # fmt: skip
    assert re.fullmatch(
        r"do coder\n\nFrom the step before:\n<report-(\w+)>\nby planner-1\n</report-\1>", tasks[1]
    )
    assert (team.tokens, team.cost) == (6, 0.5)
    assert [(each.kind, each.sender, each.to, each.answers) for each in team.messages[:3]] == [
        ("assignment", "team", "planner-1", None),
        ("result", "planner-1", "team", 1),
        ("assignment", "team", "coder-2", None),
    ]


async def test_a_coordinator_gives_out_work_within_the_limits() -> None:
    async def work(agent: str, task: str, inbox: object, delegate: Delegate | None) -> Report:
        if delegate is None:
            return Report(f"deep: {task}", tokens=1)
        if agent == "coordinator":
            found = await asyncio.gather(*(delegate("explorer", f"part {at}") for at in range(6)))
            return Report("; ".join(each.text for each in found), tokens=1)
        below = await delegate("reader", task)
        return Report(below.text, tokens=1)

    script = Script(work)
    team = Team(script, limits=TeamLimits(breadth=2, depth=2))
    async with asyncio.timeout(30):
        report = await hierarchy(team, "all of it")
    assert report.text == "; ".join(f"deep: part {at}" for at in range(6))
    assert (team.tokens, len(script.begun)) == (13, 13)
    asked = {each.to: each.sender for each in team.messages if each.kind == "assignment"}
    assert asked["coordinator"] == "team"
    assert asked["explorer-2"] == "coordinator"


@pytest.mark.parametrize(("limits", "said"), [
    (TeamLimits(tasks=3), "The team has had its 3 tasks."),
    (TeamLimits(cost=1.0), "The team has spent what it may."),
])  # fmt: skip
async def test_a_team_does_not_go_on_for_ever(limits: TeamLimits, said: str) -> None:
    async def work(agent: str, task: str, inbox: object, delegate: Delegate | None) -> Report:
        return Report("more", cost=0.5)

    script = Script(work)
    reports = await pipeline(Team(script, limits=limits), [Stage("r", "t")] * 50)
    assert (reports[-1].status, reports[-1].text) == ("failed", said)
    assert len(script.begun) <= 3


async def test_an_unknown_price_is_unknown_in_all() -> None:
    team = Team(Script(answers(r_2=Report("x", cost=None))))
    await pipeline(team, [Stage("r", "t")] * 3)
    assert team.cost is None


async def test_a_swarm_works_at_once_and_tests_decide() -> None:
    gate = asyncio.Event()

    async def work(agent: str, task: str, inbox: object, delegate: object) -> Report:
        if script.now == 3:
            gate.set()
        await asyncio.wait_for(gate.wait(), 30)
        return Report(agent)

    async def test(agent: str) -> float:
        if agent == "b":
            raise OSError("pytest is not there")
        return {"a": 3.0, "c": 5.0}[agent]

    script = Script(work)
    choice = await swarm(Team(script), "fix it", agents=("a", "b", "c"), role="coder", test=test)
    assert script.most == 3
    assert [(each.agent, each.score) for each in choice.candidates] == [("c", 5.0), ("a", 3.0), ("b", None)]
    assert (choice.best, choice.why) == (choice.candidates[0], "the tests say so")


async def test_breadth_holds_for_a_swarm() -> None:
    script = Script(answers())
    await swarm(Team(script, limits=TeamLimits(breadth=2)), "t", agents=tuple("abcdef"), role="r")
    assert script.most == 2


@pytest.mark.parametrize(
    ("judges", "votes", "best", "why"),
    [
        ((), {}, "a", "nothing tells them apart; it is the first"),
        (("j",), {"judge_1": "b"}, "b", "1 of 1 judges chose it"),
        (
            ("j",) * 3,
            {"judge_1": "c", "judge_2": "b", "judge_3": " **c**\nit is short"},
            "c",
            "2 of 3 judges chose it",
        ),
        (("j",), {"judge_1": "all are fine"}, "a", "no judge named one; it is the first"),
    ],
)
async def test_equals_are_judged(judges: tuple[str, ...], votes: dict[str, str], best: str, why: str) -> None:
    script = Script(answers(**{name: Report(text) for name, text in votes.items()}))

    async def test(agent: str) -> float:
        return 1.0

    choice = await swarm(Team(script), "t", agents=("a", "b", "c"), role="r", test=test, judges=judges)
    assert choice.best is not None
    assert (choice.best.agent, choice.why) == (best, why)


async def test_failures_are_outcomes() -> None:
    script = Script(answers(a=ValueError("bug"), b=ToolError("cannot"), c=Report("no", "failed")))
    choice = await swarm(Team(script), "t", agents=("a", "b", "c"), role="r")
    assert choice.best is None
    assert {each.report.text for each in choice.candidates} == {"ValueError: bug", "cannot", "no"}
    choice = await swarm(Team(script), "t", agents=("a", "d"), role="r")
    assert (choice.best and choice.best.agent, choice.why) == ("d", "it is the only one that was done")


async def test_equals_write_to_each_other_for_some_rounds() -> None:
    heard: dict[str, list[str]] = {"x": [], "y": [], "z": []}

    async def work(agent: str, task: str, inbox: tuple[AgentMessage, ...], delegate: object) -> Report:
        heard[agent] += [f"{each.sender}: {each.text}" for each in inbox]
        if not inbox:
            first = {
                "x": (Say("hello"),),
                "y": (Say("why?", "x", "question"), Say("lost", "nobody")),
                "z": (),
            }
            return Report("1", says=first[agent])
        questions = [each for each in inbox if each.kind == "question"]
        return Report("2", says=tuple(Say("so", each.sender, "result", each.number) for each in questions))

    team = Team(Script(work), limits=TeamLimits(rounds=5))
    reports = await mesh(team, "agree", {"x": "r", "y": "r", "z": "r"})
    assert heard == {"x": ["y: why?"], "y": ["x: hello", "x: so"], "z": ["x: hello"]}
    assert {name: report.text for name, report in reports.items()} == {"x": "2", "y": "2", "z": "2"}
    asked = next(each.number for each in team.messages if each.kind == "question")
    assert [each.answers for each in team.messages if each.text == "so"] == [asked]
    assert "There is no nobody: x, y, z." in [each.text for each in team.messages]


async def test_a_mesh_that_never_agrees_ends() -> None:
    async def work(agent: str, task: str, inbox: object, delegate: object) -> Report:
        return Report("on", says=(Say("and on"),))

    script = Script(work)
    await mesh(Team(script, limits=TeamLimits(rounds=3)), "t", {"x": "r", "y": "r"})
    assert len(script.begun) == 6


async def test_stopping_ends_all() -> None:
    begun = asyncio.Event()
    ended: list[str] = []

    async def work(agent: str, task: str, inbox: object, delegate: Delegate | None) -> Report:
        try:
            if agent == "coordinator" and delegate is not None:
                await asyncio.gather(*(delegate("r", "t") for _ in range(3)))
            if script.now == 4:
                begun.set()
            await asyncio.Event().wait()
        finally:
            ended.append(agent)
        return Report("never")

    script = Script(work)
    running = asyncio.create_task(hierarchy(Team(script), "t"))
    await asyncio.wait_for(begun.wait(), 30)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(ended) == 4
    assert script.now == 0
