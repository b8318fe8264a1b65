"""How runs begin: from a prompt, a slash command that asks no model, an approved plan, a notebook to verify.
Everything up to `RunStarted`; that a session has one run at a time is the session's own to see to."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass

from codemad_jupyter.gateway.choosing import Choice
from codemad_jupyter.orchestrator import modes, plans, slash
from codemad_jupyter.orchestrator.choosing import choose_mode
from codemad_jupyter.orchestrator.choosing_model import choice_for
from codemad_jupyter.orchestrator.classifying import decided
from codemad_jupyter.orchestrator.compacting import Compactor
from codemad_jupyter.orchestrator.desk import RunDesk
from codemad_jupyter.orchestrator.equipment import equipped, equipped_as
from codemad_jupyter.orchestrator.errands import ErrandRun
from codemad_jupyter.orchestrator.insight import Insight
from codemad_jupyter.orchestrator.intent import Decision, decide
from codemad_jupyter.orchestrator.plain_run import Work, plain_run, telling
from codemad_jupyter.orchestrator.planning import next_task
from codemad_jupyter.orchestrator.role_files import Role
from codemad_jupyter.orchestrator.role_runs import choice_of, limits_of, tightest
from codemad_jupyter.orchestrator.roles import Roles
from codemad_jupyter.orchestrator.roll import Roll
from codemad_jupyter.orchestrator.run import Run
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session, title_of
from codemad_jupyter.orchestrator.verifying import proof_of, verify_run
from codemad_jupyter.protocol.commands import ApprovePlan, GuestPrompt, Prompt, Target, VerifyNotebook
from codemad_jupyter.protocol.errors import Conflict, UsageError
from codemad_jupyter.protocol.events import PlanChanged, RunStarted
from codemad_jupyter.protocol.external_agents import AgentDefinition
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.plans import Plan, plan_text
from codemad_jupyter.protocol.supply import CHOSEN, DEFAULT, Purpose
from codemad_jupyter.tools.proposals import new_id

MAX_PROMPT = 1_000_000
"""Characters of the longest prompt."""


@dataclass(frozen=True)
class Started:
    """A run that was announced, and its work. ``target`` is what its cells run in, where it may run any;
    ``roll`` those that can be reached, where a model is asked."""

    run: str
    work: Run | Coroutine[None, None, None]
    target: Target | None = None
    roll: Roll | None = None


class Starting:
    """Begins the runs of one session."""

    def __init__(
        self,
        services: Services,
        session: Session,
        *,
        insight: Insight,
        desk: RunDesk,
        compactor: Compactor,
    ) -> None:
        self._services = services
        self._session = session
        self._insight = insight
        self._desk = desk
        self._compactor = compactor

    def choice_for(self, prompt: Prompt) -> tuple[Choice, Purpose]:
        """The model a prompt goes to now, and the kind of work."""
        state, router = self._session.state, self._services.router
        history = self._session.conversation.at("images")
        return choice_for(prompt, history, router=router, session_model=state.model)

    async def prompt(self, prompt: Prompt) -> Started:
        """A prompt, which may begin with a slash command."""
        called = slash.read(prompt.text, self._services.commands)
        work = await self._without_model(called, prompt) if called is not None else None
        if work is not None:
            return await self._plain(prompt, work)
        if called is not None and called.command.name == slash.AGENT:
            return await self._as_role(prompt, called.given)
        asked = slash.expanded(prompt, self._services.commands)
        decision = await decided(asked, self._services)
        return await self._run(
            asked.model_copy(update={"intent": decision.intent}), decision, shown=prompt.text
        )

    async def _as_role(self, prompt: Prompt, given: str) -> Started:
        """What a role is to do: `/agent ROLE WHAT`. Raises `NotFound` or `UsageError`."""
        services = self._services
        name, _, task = given.partition(" ")
        roles = await asyncio.to_thread(services.roles)
        if not name or not task.strip():
            hint = f"Write /agent ROLE WHAT. Roles: {', '.join(sorted(roles.known))}."
            raise UsageError("Who is to do what?", hint=hint)
        external = await self._external(name, roles)
        if external is not None:
            return await self._errand(prompt, external, task.strip())
        role = roles.get(name)
        asked = prompt.model_copy(update={"text": task.strip()})
        decision = decide(asked.text, asked.intent)._replace(reason=f"the role {role.name} does it")
        return await self._run(asked, decision, shown=prompt.text, role=role)

    async def _external(self, name: str, roles: Roles) -> AgentDefinition | None:
        """The agent of somebody else's by that name; a role of the name comes first. Raises `Denied`."""
        if name in roles.known or self._services.external is None:
            return None
        return await asyncio.to_thread(self._services.external.approved, name, roles.known)

    async def _errand(self, prompt: Prompt, given: AgentDefinition, task: str) -> Started:
        """A task for an agent of somebody else's, in a folder of its own."""
        session, desk, run = self._session, self._desk, new_id("run")
        choice = Choice(model=f"acp/{given.name}", reason=f"the agent {given.name} ({given.place}) does it")
        if not session.state.title:
            await session.change(title=title_of(prompt.text))
        await self._announce(run, prompt.text, prompt, choice=choice)
        await session.append(Message.user(task), run=run)
        roll = Roll(lambda event: session.bus.emit(event, run=run))
        errand = ErrandRun(
            self._services, session, desk.reviewer, desk.approvals, given, task, run, prompt.edge, roll
        )
        return Started(run, plain_run(errand.work, run=run, session=session, cost=None), roll=roll)

    async def carry_out(self, command: ApprovePlan) -> Started:
        """The plan, task by task. Raises `NotFound` or `Conflict`."""
        plan = plans.approve(self._session, command)
        task = next_task(plan)
        if task is None:
            raise Conflict("No task of the plan can be done.", hint="Change the plan.")
        prompt = Prompt(
            session=self._session.id,
            text=plans.task_text(plan, task),
            target=command.target,
            intent="edit",
            edge=command.edge,
        )
        decision = Decision("edit", "the person approved the plan")
        return await self._run(prompt, decision, shown=f"Carry out the plan: {plan.goal}", plan=plan)

    async def verify(self, command: VerifyNotebook) -> Started:
        """A run that asks no model: the notebook is run again elsewhere."""
        proof = await proof_of(command, self._services)
        run = new_id("run")
        await self._announce(run, f"Verify {proof.path}", command)
        return Started(run, verify_run(proof, run=run, session=self._session, services=self._services))

    async def _without_model(self, called: slash.Called, prompt: Prompt) -> Work | None:
        """What a command does that asks no model about its prompt; None for all others."""
        name, given = called.command.name, called.given
        if name == slash.HELP:
            return telling(slash.help_text(given, self._services.commands))
        if name == slash.MODE:
            return await self._mode(given)
        if name == slash.COMPACT:
            model = prompt.model or self._session.state.model or self._services.router.default_model()
            return self._compactor.now(model, prompt.target)
        if name == slash.PLAN and not given:
            plan = self._session.state.plan
            shown = (
                f"```text\n{plan_text(plan)}\n```"
                if plan
                else "There is no plan yet. Ask for one: /plan WHAT"
            )
            return telling(shown)
        return None

    async def _mode(self, given: str) -> Work:
        """Choose the mode, or say which one holds. Chosen here: it holds before the run is announced."""
        services = self._services
        if given:
            await choose_mode(services, self._session, modes.named(given))
        return telling(modes.standing_text(await services.modes.standing(services.sandbox)))

    async def _plain(self, prompt: Prompt, work: Work) -> Started:
        run = new_id("run")
        await self._announce(run, prompt.text, prompt)
        return Started(run, plain_run(work, run=run, session=self._session))

    async def _announce(
        self, run: str, shown: str, asked: Prompt | VerifyNotebook, *, choice: Choice | None = None
    ) -> None:
        """Say that the run begins, and store it."""
        session = self._session
        model = choice.model if choice else session.state.model or self._services.router.default_model()
        why = choice.reason if choice else ""
        guest = asked.guest if isinstance(asked, GuestPrompt) else ""
        started = RunStarted(
            prompt=shown, model=model, edge=asked.edge, target=asked.target, why=why, guest=guest
        )
        session.bus.emit(started, run=run)
        await session.bus.saved()

    async def _run(
        self,
        prompt: Prompt,
        decision: Decision,
        *,
        shown: str,
        plan: Plan | None = None,
        role: Role | None = None,
    ) -> Started:
        session, services, run = self._session, self._services, new_id("run")
        choice, purpose = self.choice_for(prompt)
        tools, rights = services.tools(), services.permissions
        equipment = equipped(tools, decision.intent, rights=rights, carries_out=plan is not None)
        limits = services.limits
        if role is not None:
            choice = choice if prompt.model else choice_of(role, choice)
            equipment = equipped_as(role, tools, rights=rights)
            limits = tightest(limits_of(role), limits)
        services.router.provider_for(choice.model, fallbacks=choice.fallbacks)
        if not session.state.title:
            # What a purpose chose for this prompt is not the session's own model.
            own = choice.model if choice.reason in (CHOSEN, DEFAULT) else session.state.model
            await session.change(title=title_of(shown), model=own)
        await self._announce(run, shown, prompt, choice=choice)
        if plan is not None:
            session.bus.emit(PlanChanged(change="approved", plan=plan), run=run)
        await session.append(Message.user(prompt.text), run=run)
        await session.bus.saved()
        desk = self._desk
        desk.watch.uses(prompt.target)
        work = Run(
            id=run,
            prompt=prompt,
            decision=decision,
            choice=choice,
            purpose=purpose,
            services=services,
            session=session,
            desk=desk,
            other_session=self._insight.session_text,
            equipment=equipment,
            limits=limits,
            carries_out=plan,
        )
        return Started(run, work, prompt.target, work.roll)


def check_size(prompt: Prompt) -> None:
    """Raises `UsageError` for a prompt that is empty or too long."""
    if not prompt.text.strip():
        raise UsageError("The prompt is empty.", hint="Type a question or what should be done.")
    if len(prompt.text) > MAX_PROMPT:
        raise UsageError(
            f"The prompt has {len(prompt.text):,} characters; the limit is {MAX_PROMPT:,}.",
            hint="Put the text into a file of the workspace and ask about the file.",
        )
