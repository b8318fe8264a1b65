/** Agents of a run: what the reducer makes of their events, and the tree they form. */
import { expect, test } from 'vitest';

import { mainOf, stagesOf } from '../src/crew';
import type { IBranch } from '../src/crew';
import type { AgentStatus, Event, Plan } from '../src/protocol';
import { reduce } from '../src/reduce';
import type { IRun, ITranscript } from '../src/transcript';
import { emptyTranscript } from '../src/transcript';
import { Log, NO_USAGE, SESSION, assistant, randomOf } from './events';

function agent(name: string, more: Partial<AgentStatus> = {}): AgentStatus {
  return {
    name,
    role: 'analyst',
    task: `Task of ${name}`,
    parent: 'main',
    state: 'working',
    worktree: null,
    model: 'compatible/scripted',
    text: '',
    tokens: 0,
    cost: 0,
    steps: 0,
    started: 0,
    seconds: 0,
    ...more
  };
}

function transcriptOf(events: readonly Event[]): ITranscript {
  return events.reduce(reduce, emptyTranscript(SESSION));
}

function runOf(events: readonly Event[]): IRun {
  const run = transcriptOf(events).entries.find(entry => entry.kind === 'run');
  if (run?.kind !== 'run') {
    throw new Error('no run');
  }
  return run;
}

function names(branches: readonly IBranch[]): unknown[] {
  return branches.map(({ agent: { status }, under }) =>
    under.length ? [status.name, names(under)] : status.name
  );
}

const PLAN: Plan = {
  id: 'p',
  goal: 'Get there',
  revision: 1,
  status: 'approved',
  tasks: ['one', 'two'].map(id => ({
    id,
    title: id,
    detail: '',
    needs: [],
    minutes: null,
    status: id === 'two' ? 'running' : 'done',
    note: ''
  }))
};

test('agents stand below the phase and the task under which they began, and below who sent them', () => {
  const log = new Log().start();
  log.tell({ type: 'phase_changed', phase: 'plan' }, { type: 'agent_changed', status: agent('planner') });
  log.tell({ type: 'phase_changed', phase: 'execute' }, { type: 'agent_changed', status: agent('early') });
  log.tell({ type: 'plan_changed', change: 'approved', plan: PLAN, text: '' });
  log.tell({ type: 'agent_changed', status: agent('coder') });
  log.tell({ type: 'agent_changed', status: agent('helper', { parent: 'coder' }) });
  log.tell({ type: 'phase_changed', phase: 'verify' });
  log.tell({ type: 'agent_changed', status: agent('coder', { state: 'done', tokens: 7 }) });
  const [plan, execute, verify] = stagesOf(runOf(log.events));
  expect(names(plan.agents)).toEqual(['planner']);
  expect(names(execute.agents)).toEqual(['early']);
  expect(execute.tasks.map(({ task, agents }) => [task.id, names(agents)])).toEqual([
    ['one', []],
    ['two', [['coder', ['helper']]]]
  ]);
  expect(execute.tasks[1].agents[0].agent.status.tokens).toBe(7);
  expect([verify.phase, verify.isNow, verify.agents]).toEqual(['verify', true, []]);
});

test('parents that are not there, or one below the other in a ring, lose nobody', () => {
  const log = new Log().start();
  for (const [name, parent] of [
    ['a', 'b'],
    ['b', 'a'],
    ['self', 'self'],
    ['lost', 'nobody']
  ]) {
    log.tell({ type: 'agent_changed', status: agent(name, { parent }) });
  }
  const [stage] = stagesOf(runOf(log.events));
  expect(names(stage.agents).flat(9).sort()).toEqual(['a', 'b', 'lost', 'self']);
});

test('what the main agent uses is counted apart, and is not known where one price is not', () => {
  const usage = { ...NO_USAGE, input_tokens: 10, output_tokens: 5 };
  const log = new Log().start();
  log.tell({ type: 'message_done', id: 'm1', message: assistant('x'), usage, cost: 0.5 });
  expect(mainOf(runOf(log.events))).toMatchObject({ state: 'working', tokens: 15, cost: 0.5, steps: 1 });
  log.tell({ type: 'message_done', id: 'm2', message: assistant('y'), usage, cost: null });
  log.finish();
  expect(mainOf(runOf(log.events))).toMatchObject({ state: 'done', tokens: 30, cost: null });
});

test('when a run ends nobody works on, and what nobody read says so', () => {
  const log = new Log().start().tell({ type: 'agent_changed', status: agent('a') });
  log.tell({ type: 'steered', id: 'x', text: 'left', read: false });
  log.tell({ type: 'steered', id: 'y', text: 'right', read: false });
  log.tell({ type: 'steered', id: 'y', text: 'right', read: true });
  const waits = runOf(log.events).items.map(item => item.kind === 'steered' && [item.text, item.state]);
  expect(waits).toEqual([
    ['left', 'waiting'],
    ['right', 'read']
  ]);
  log.finish();
  const run = runOf(log.events);
  expect(run.agents[0].status.state).toBe('stopped');
  expect(run.items.map(item => item.kind === 'steered' && item.state)).toEqual(['unread', 'read']);
});

test('folders are asked for again when an agent that has one begins or ends, and when the run ends', () => {
  const log = new Log().start().tell({ type: 'agent_changed', status: agent('a') });
  const seqs = [transcriptOf(log.events).workSeq];
  for (const more of [{}, { steps: 1 }, { steps: 1, state: 'done' as const }]) {
    log.tell({ type: 'agent_changed', status: agent('b', { worktree: 'b', ...more }) });
    seqs.push(transcriptOf(log.events).workSeq);
  }
  log.finish();
  seqs.push(transcriptOf(log.events).workSeq);
  expect(seqs).toEqual([0, 3, 3, 5, 6]);
});

/** A history of a team at work, as long and as odd as the seed makes it. */
function history(seed: number): Log {
  const below = randomOf(seed);
  const log = new Log().start();
  const who = (): string => ['a', 'b', 'c', 'main'][below(4)];
  for (let count = 0; count < 40; count++) {
    const state = (['waiting', 'working', 'done', 'failed', 'stopped'] as const)[below(5)];
    const more = { state, parent: who(), tokens: below(100), steps: below(3), worktree: below(2) ? 'w' : null };
    const step = below(7);
    if (step < 3) {
      log.tell({ type: 'agent_changed', status: agent(who(), more) });
    } else if (step === 3) {
      log.tell({ type: 'phase_changed', phase: (['plan', 'execute', 'verify'] as const)[below(3)] });
    } else if (step === 4) {
      const message = { number: below(9), kind: 'notice' as const, sender: who(), to: null, answers: null };
      log.tell({ type: 'agent_said', message: { ...message, text: `${count}` } });
    } else if (step === 5) {
      log.tell({ type: 'steered', agent: who(), id: `s${below(5)}`, text: 't', read: below(2) > 0 });
    } else {
      log.tell({ type: 'text_delta', message: `m${count}`, text: 'live' });
      log.say(`m${count}`, 'said');
    }
  }
  return below(2) ? log.finish() : log;
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))('a replayed team is the live one (history %i)', seed => {
  const log = history(seed);
  const live = transcriptOf(log.events);
  expect({ ...transcriptOf(log.stored), seq: live.seq }).toEqual(live);
  const twice = log.events.flatMap(event => [event, event]);
  expect(transcriptOf(twice)).toEqual(live);
  expect([...log.events, ...log.events].reduce(reduce, emptyTranscript(SESSION))).toEqual(live);
  const run = runOf(log.events);
  const shown = stagesOf(run).flatMap(({ tasks, agents }) => [
    ...names(agents),
    ...tasks.flatMap(task => names(task.agents))
  ]);
  const known = run.agents.map(({ status }) => status.name).filter(name => name !== 'main');
  expect(shown.flat(9).sort()).toEqual(known.sort());
});
