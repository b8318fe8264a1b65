/**
 * The agents of a run: how each stands, what they and the person said to them, and the tree they form.
 *
 * Pure. An agent's place in the tree is where the run was when it was first heard of.
 */
import type { AgentMessage, AgentStatus, Plan, PlanTask, Steered } from './protocol';
import type { IRun, Item } from './transcript';

export const MAIN = 'main';

/** Agents and messages that are kept of a run; a team has a few of each. */
const MOST_AGENTS = 200;
const MOST_SAID = 500;

export interface IAgent {
  status: AgentStatus;
  /** The number of the phase in which it was first heard of, and the task of the plan, if one was under way. */
  phase: number;
  task: string | null;
}

/** What the person said to an agent while it worked. */
export interface ISteered {
  kind: 'steered';
  key: string;
  agent: string;
  text: string;
  state: 'waiting' | 'read' | 'unread';
}

/** What the run's own agent has used; what others use is theirs. */
export interface IOwnUse {
  tokens: number;
  cost: number | null;
  steps: number;
}

/** An agent with those that it gave tasks to. */
export interface IBranch {
  agent: IAgent;
  under: readonly IBranch[];
}

export interface IStage {
  phase: string;
  isNow: boolean;
  tasks: readonly { task: PlanTask; agents: readonly IBranch[] }[];
  /** Those that belong to no task of the plan. */
  agents: readonly IBranch[];
}

export function isOver({ state }: AgentStatus): boolean {
  return state === 'done' || state === 'failed' || state === 'stopped';
}

/** The run after one of its agents changed. */
export function agentChanged(run: IRun, status: AgentStatus): IRun {
  const index = run.agents.findIndex(agent => agent.status.name === status.name);
  if (index >= 0) {
    return { ...run, agents: run.agents.map((agent, i) => (i === index ? { ...agent, status } : agent)) };
  }
  if (run.agents.length >= MOST_AGENTS) {
    return run;
  }
  const task = planOf(run)?.tasks.find(each => each.status === 'running')?.id ?? null;
  const agent: IAgent = { status, phase: Math.max(run.phases.length - 1, 0), task };
  return { ...run, agents: [...run.agents, agent] };
}

/** The run after one agent said something to another. */
export function agentSaid(run: IRun, message: AgentMessage): IRun {
  if (run.said.some(each => each.number === message.number)) {
    return run;
  }
  return { ...run, said: [...run.said, message].slice(-MOST_SAID) };
}

/** The run after the person said something to an agent, or after that was read. */
export function steered(run: IRun, { id, agent, text, read }: Steered): IRun {
  const key = `steered-${id}`;
  const item: ISteered = { kind: 'steered', key, agent, text, state: read ? 'read' : 'waiting' };
  const isKnown = run.items.some(each => each.key === key);
  const items = isKnown ? run.items.map(each => (each.key === key ? item : each)) : [...run.items, item];
  return { ...run, items };
}

/** Agents at the end of their run: nobody works on. */
export function ended(agents: readonly IAgent[]): readonly IAgent[] {
  return agents.some(({ status }) => !isOver(status))
    ? agents.map(agent =>
        isOver(agent.status) ? agent : { ...agent, status: { ...agent.status, state: 'stopped' } }
      )
    : agents;
}

/** The run's own agent, told as the others are. */
export function mainOf(run: IRun): AgentStatus {
  const known = run.agents.find(({ status }) => status.name === MAIN)?.status;
  const states: Partial<Record<IRun['state'], AgentStatus['state']>> = {
    running: 'working',
    done: 'done',
    failed: 'failed',
    out_of_budget: 'failed'
  };
  return {
    name: MAIN,
    role: known?.role ?? '',
    task: run.prompt,
    parent: '',
    state: states[run.state] ?? 'stopped',
    worktree: null,
    model: run.model,
    text: run.state === 'done' ? '' : run.text,
    ...run.own,
    started: run.at,
    seconds: run.seconds
  };
}

/** The plan that the run carries out or proposes. */
export function planOf(run: IRun): Plan | null {
  const found = run.items.filter(item => item.kind === 'plan').at(-1);
  return found?.kind === 'plan' ? found.plan : null;
}

/** The phases of the run in order, with the tasks of its plan and the agents where each began. */
export function stagesOf(run: IRun): IStage[] {
  const plan = planOf(run);
  const branches = branchesOf(run.agents.filter(({ status }) => status.name !== MAIN));
  const phases = run.phases.length ? run.phases : [''];
  const home = phases.lastIndexOf('execute');
  return phases.map((phase, index) => {
    const here = branches.filter(({ agent }) => agent.phase === index);
    const tasks = index === home && plan ? plan.tasks : [];
    const ids = new Set(tasks.map(task => task.id));
    const isFree = ({ agent }: IBranch): boolean => agent.task === null || !ids.has(agent.task);
    return {
      phase,
      isNow: run.state === 'running' && index === phases.length - 1,
      tasks: tasks.map(task => ({ task, agents: here.filter(({ agent }) => agent.task === task.id) })),
      agents: here.filter(isFree)
    };
  });
}

/** Agents below those that gave them their tasks; one whose giver is not there stands for itself. */
function branchesOf(agents: readonly IAgent[]): IBranch[] {
  const names = new Set(agents.map(({ status }) => status.name));
  const left = new Set(agents);
  const branch = (agent: IAgent): IBranch => {
    left.delete(agent);
    const { name } = agent.status;
    const under = agents.filter(each => left.has(each) && each.status.parent === name).map(branch);
    return { agent, under };
  };
  const roots = agents.filter(({ status }) => !names.has(status.parent)).map(branch);
  for (const agent of agents) {
    if (left.has(agent)) {
      roots.push(branch(agent));
    }
  }
  return roots;
}

/** The latest thing that an agent did. */
export function lastStep(run: IRun, name: string): (Item & { kind: 'tool' }) | null {
  const found = run.items.filter(item => item.kind === 'tool' && item.agent === name).at(-1);
  return found?.kind === 'tool' ? found : null;
}

/** The sum; one cost that is not known makes it unknown. */
export function added<T extends { tokens: number; cost: number | null }>(
  one: T,
  other: { tokens: number; cost: number | null }
): T {
  const cost = one.cost === null || other.cost === null ? null : one.cost + other.cost;
  return { ...one, tokens: one.tokens + other.tokens, cost };
}
