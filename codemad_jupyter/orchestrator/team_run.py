"""A team at work for one run: each agent in a folder of its own, side by side; in the end what is best of it
is proposed to the person as one review. Nothing of theirs changes before they accept it.

How agents work together stands in `teams`, what an agent can do in its folder in `own_folder`.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from codemad_jupyter.gateway.router import OFFLINE_MODEL
from codemad_jupyter.git.reading import differing
from codemad_jupyter.git.registry import Worktree
from codemad_jupyter.orchestrator.bringing_in import propose_work, worktrees_of
from codemad_jupyter.orchestrator.own_folder import OwnFolder
from codemad_jupyter.orchestrator.review import Reviewer
from codemad_jupyter.orchestrator.role_runs import Crew, run_role
from codemad_jupyter.orchestrator.roles import Roles
from codemad_jupyter.orchestrator.roll import Mark
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.orchestrator.team import AgentInTeam, Delegate, Report, Team, TeamLimits, with_messages
from codemad_jupyter.orchestrator.team_asked import MEMBERS, STAGES, TeamAsked, read_team
from codemad_jupyter.orchestrator.team_tests import Verdict, test_command, verdict
from codemad_jupyter.orchestrator.teams import Stage, hierarchy, mesh, pipeline, swarm
from codemad_jupyter.protocol.agents import AgentMessage
from codemad_jupyter.protocol.errors import CodemadError, ToolError, UsageError
from codemad_jupyter.protocol.events import Event, Notice
from codemad_jupyter.protocol.messages import Message, TextPart
from codemad_jupyter.tools.executor import bounded
from codemad_jupyter.tools.gate import Answered, Asker, Question, Who
from codemad_jupyter.tools.team import COORDINATES, TELLS

SHOWN = 8_000
"""Characters of a candidate's changes that a judge is shown."""
CANDIDATE, JUDGE = "coder", "reviewer"
LINE = "line"
"""The folder that the stages of a pipeline share."""


@dataclass
class TeamRun:
    """The work of one team. ``crew`` is what the run lends, ``ask`` reaches the person."""

    crew: Crew
    session: Session
    reviewer: Reviewer
    who: Who
    ask: Asker
    _folders: dict[str, OwnFolder] = field(default_factory=dict)
    _marks: dict[str, Mark] = field(default_factory=dict)
    _verdicts: dict[str, Verdict] = field(default_factory=dict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    _steps: int = 0
    _roles: Roles | None = None
    _shared: bool = False
    _mesh: bool = False

    def __post_init__(self) -> None:
        """The steps that a run may take are here those of each task; all else counts for all together."""
        services = self.crew.services
        self._steps = services.limits.steps
        limits = replace(services.limits, steps=self._steps * (TeamLimits().tasks + 1))
        self.crew = replace(self.crew, services=replace(services, limits=limits))

    async def go(self, asked: TeamAsked) -> str:
        """Do it all; what came of it, for the person. Raises `UsageError` where no team can work."""
        if self.crew.services.permissions.mode == "plan":
            raise UsageError("A team changes files, and in the mode plan nothing but reading is possible.")
        if self.crew.choice.model == OFFLINE_MODEL:
            raise UsageError(
                "The built-in assistant cannot work in a team.", hint="Choose a language model first."
            )
        await self._say_how_confined()
        self._roles = await asyncio.to_thread(self.crew.services.roles)
        self._shared, self._mesh = asked.pattern == "pipeline", asked.pattern == "mesh"
        try:
            text, chosen = await self._worked(asked)
            for folder in self._folders.values():
                await folder.close()
            made = [self._folders[name].worktree for name in chosen if name in self._folders]
            said = await self._proposed(made)
            return "\n\n".join(filter(None, [text, said, await self._cleared()]))
        finally:
            await asyncio.shield(self._left())

    async def _worked(self, asked: TeamAsked) -> tuple[str, tuple[str, ...]]:
        """What is to be said of the work, and the names of those whose changes are proposed."""
        services = self.crew.services
        most = services.permissions.policy.depth
        limits = TeamLimits(
            breadth=min(asked.number, services.agents_at_once),
            depth=min(1 if asked.pattern == "hierarchy" else 0, 1 if most is None else most),
            cost=services.limits.cost,
        )
        team = Team(self, tell=self.crew.roll.say, entered=self._entered, left=self._reported, limits=limits)
        match asked.pattern:
            case "swarm":
                return await self._swarm(team, asked)
            case "hierarchy":
                report = await hierarchy(team, asked.task)
                return report.text, tuple(self._folders)
            case "pipeline":
                roles = asked.roles or STAGES
                reports = await pipeline(team, [Stage(role, asked.task) for role in roles])
                lines = [f"- {role}: {each.text}" for role, each in zip(roles, reports, strict=False)]
                return "\n".join(lines), (LINE,)
            case "mesh":
                roles = asked.roles or MEMBERS[: asked.number]
                members = {f"{role}-{at}": role for at, role in enumerate(roles, 1)}
                told = f"{asked.task}\n\nYou work with {', '.join(members)}, each in a folder of its own."
                found = await mesh(team, told, members)
                return "\n".join(f"- {name}: {each.text}" for name, each in found.items()), tuple(members)

    async def _swarm(self, team: Team, asked: TeamAsked) -> tuple[str, tuple[str, ...]]:
        agents = tuple(f"{CANDIDATE}-{at}" for at in range(1, asked.number + 1))
        services = self.crew.services
        command = services.agents_test or await asyncio.to_thread(test_command, services.root)

        async def test(agent: str) -> float:
            found = await self._tested(agent, command)
            self._verdicts[agent] = found
            if found.idle and self._marks[agent].status.state == "failed":
                raise ToolError("It came to nothing, whatever the tests say of what was there before.")
            return found.score

        choice = await swarm(
            team,
            asked.task,
            agents=agents,
            role=CANDIDATE,
            test=test if command else None,
            judges=(JUDGE,),
            show=self._changes,
        )
        lines = [f"- {each.agent}: {self._standing(each.agent, each.report)}" for each in choice.candidates]
        if choice.best is None:
            raise ToolError(
                "\n".join([choice.why, *lines]), hint="Say more of what is wanted, and ask again."
            )
        lines.insert(0, f"The work of {choice.best.agent} is taken: {choice.why}.")
        return "\n".join(lines), (choice.best.agent,)

    def _standing(self, agent: str, report: Report) -> str:
        found = self._verdicts.get(agent)
        first = (report.text.strip().splitlines() or [""])[0]
        return f"{found}. {first}" if found is not None else first

    async def __call__(
        self,
        role: str,
        task: str,
        *,
        agent: str,
        inbox: tuple[AgentMessage, ...],
        delegate: Delegate | None,
    ) -> Report:
        """Run a role on a task, in its folder; see `team.RunRole`."""
        assert self._roles is not None  # noqa: S101 - read before anybody works
        chosen, mark = self._roles.get(role), self._marks[agent]
        chosen = chosen.model_copy(update={"steps": min(chosen.steps, self._steps)})
        folder = await self._folder(agent, task)
        mark.lives(folder.worktree.id)
        part = AgentInTeam(delegate)
        more = (*(COORDINATES if delegate is not None else ()), *(TELLS if self._mesh else ()))
        crew = await folder.crew(self.crew, chosen, who=self._as(agent), team=part, more=more)
        try:
            told = with_messages(f"You are {agent}.\n\n{task}", inbox)
            result = await run_role(chosen, told, crew=crew, mark=mark)
        finally:
            await asyncio.shield(folder.rest())
        return Report(
            result.text,
            "done" if result.status == "done" else "failed",
            result.usage.input_tokens + result.usage.output_tokens,
            result.cost,
            tuple(part.says),
        )

    async def _folder(self, agent: str, task: str) -> OwnFolder:
        """The folder of the agent, prepared when it first works there."""
        name = LINE if self._shared else agent
        async with self._locks.setdefault(name, asyncio.Lock()):
            if name not in self._folders:
                services, run = self.crew.services, self.who.run
                made = await OwnFolder.make(
                    services,
                    worktrees_of(services),
                    f"{name.replace('_', '-')[:34]}-{run[-5:]}",
                    ask=self._asker(name),
                    task=task[:500],
                    agent=agent,
                    session=self.session.id,
                    run=run,
                )
                self._folders[name] = made
                for command in services.agents_start:
                    await self._prepared(made, command, agent)
            return self._folders[name]

    async def _prepared(self, folder: OwnFolder, command: str, agent: str) -> None:
        found = await folder.run(command, who=self._as(agent), emit=self._telling(agent))
        if found.get("exit") != 0:
            said = bounded(str(found.get("output", "")), 500)
            raise ToolError(f"“{command}”, which prepares an agent's folder, failed: {said}")

    async def _tested(self, agent: str, command: str) -> Verdict:
        """How the tests go in the folder of an agent. Raises `ToolError` where they cannot be run."""
        folder = self._folders[agent]
        found = await folder.run(command, who=self._as(agent), emit=self._telling(agent))
        async with worktrees_of(self.crew.services).sides(folder.worktree) as sides:
            changed = await asyncio.to_thread(differing, sides.base, sides.now)
            new = [path for path in changed if path not in sides.base.entries]
        return verdict(str(found.get("output", "")), found.get("exit"), changed=changed, new=new)

    async def _changes(self, agent: str) -> str:
        """What an agent changed, for a judge."""
        found = await worktrees_of(self.crew.services).differences(self._folders[agent].worktree)
        return bounded("\n".join(each.diff or f"{each.path}: {each.detail}" for each in found), SHOWN)

    async def _proposed(self, made: Sequence[Worktree]) -> str:
        trees = worktrees_of(self.crew.services)
        changed = [each for each in made if (await trees.look(each)).changed]
        if not changed:
            return "Nothing was changed, so there is nothing to review."
        return await propose_work(self.crew.services, self.session, self.reviewer, changed, run=self.who.run)

    async def _cleared(self) -> str:
        """Remove the folders in which nothing would be lost; what to know of the others."""
        kept: list[str] = []
        for folder in self._folders.values():
            if not await folder.remove_if_empty():
                kept.append(folder.worktree.id)
        if not kept:
            return ""
        return f"Kept until you drop them (codemad agents drop --force): {', '.join(kept)}."

    async def _left(self) -> None:
        """End what runs and let go of the folders, however the team ended."""
        for mark in self._marks.values():
            mark.ends("stopped", "Stopped.")
        await asyncio.gather(*map(_let_go, self._folders.values()))

    async def _say_how_confined(self) -> None:
        """Where there is no strong sandbox a person hears it before anything asks."""
        found = await self.crew.services.sandbox()
        if found.strength != "strong":
            why = " ".join(found.reasons)
            asks = "is refused" if self._unattended else "asks you"
            text = f"The sandbox here is {found.strength}: each command of an agent {asks}. {why}"
            self.crew.emit(Notice(level="warning", code="degraded", text=text.strip()))

    @property
    def _unattended(self) -> bool:
        return self.crew.services.permissions.mode == "batch"

    def _asker(self, folder: str) -> Asker:
        async def ask(question: Question) -> Answered:
            if self._unattended:
                return Answered("expired", "nobody can be asked here")
            reason = f"{question.reason} An agent asks, for a folder of its own ({folder})."
            return await self.ask(replace(question, reason=reason))

        return ask

    def _as(self, agent: str) -> Who:
        return replace(self.who, agent=agent)

    def _telling(self, agent: str) -> Callable[[Event], object]:
        return lambda event: self.crew.emit(event.model_copy(update={"agent": agent}))

    def _entered(self, agent: str, role: str, task: str, by: str) -> None:
        if agent in self._marks:
            self._marks[agent].again(task)
            return
        parent = by if by in self._marks else "main"
        self._marks[agent] = self.crew.roll.enter(role, task, name=agent, parent=parent)

    def _reported(self, agent: str, report: Report) -> None:
        self._marks[agent].ends("done" if report.status == "done" else "failed", report.text)


async def _let_go(folder: OwnFolder) -> None:
    if folder.worktree.owner is not None:
        await folder.close()
        with suppress(OSError, CodemadError):  # what cannot be removed stays, and is listed
            await folder.remove_if_empty()


async def answer_by_team(
    text: str, crew: Crew, *, session: Session, reviewer: Reviewer, who: Who, ask: Asker
) -> Message:
    """Let a team do what a prompt asks; what the person is told of it. Raises `UsageError`."""
    asked = read_team(text)
    said = f"A team works on it ({asked.pattern}, {asked.number} agents): {asked.why}."
    crew.emit(Notice(level="info", code="team", text=said))
    told = await TeamRun(crew, session, reviewer, who, ask).go(asked)
    return Message(role="assistant", parts=(TextPart(text=told),))
