/* eslint-disable jupyter/no-untranslated-string -- titles of tasks are data here */
/** Plans: what the reducer makes of them, what a person makes of tasks, and the card with keys and buttons. */
import { EditorLanguageRegistry } from '@jupyterlab/codemirror';
import { RenderMimeRegistry } from '@jupyterlab/rendermime';
import { ContentsManager } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import React from 'react';
import type { Root } from 'react-dom/client';
import { createRoot } from 'react-dom/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Client } from '../src/client';
import { tokenAt, written } from '../src/mention';
import { OpenNotebooks } from '../src/notebook/documents';
import { minutesLeft, moved, needed, newTask, put, without } from '../src/plans';
import type { Event, Plan, PlanTask } from '../src/protocol';
import { reduce } from '../src/reduce';
import { Session } from '../src/session';
import type { IPlanned } from '../src/transcript';
import { emptyTranscript } from '../src/transcript';
import { PanelContext } from '../src/views/context';
import { Transcript } from '../src/views/transcript';
import { Log, SESSION } from './events';
import { button } from './seen';
import { TestServer } from './server';

function task(id: string, more: Partial<PlanTask> = {}): PlanTask {
  return { id, title: `Do ${id}`, detail: '', needs: [], minutes: null, status: 'open', note: '', ...more };
}

const TASKS = [task('a', { minutes: 5 }), task('b', { needs: ['a'], minutes: 10 }), task('c')];
const PLAN: Plan = { id: 'p', goal: 'Get there', tasks: TASKS, status: 'proposed', revision: 3 };

function cards(events: readonly Event[]): [string, IPlanned][] {
  const { entries } = events.reduce(reduce, emptyTranscript(SESSION));
  return entries.flatMap(entry =>
    entry.kind === 'run'
      ? entry.items.flatMap(item => (item.kind === 'plan' ? [[entry.id, item] as [string, IPlanned]] : []))
      : []
  );
}

test('a plan stands where it was proposed last or is carried out', () => {
  const log = new Log().start().tell({ type: 'plan_changed', change: 'proposed', plan: PLAN, text: '' });
  log.tell({ type: 'plan_changed', change: 'proposed', plan: { ...PLAN, goal: 'Anew' }, text: '' }).finish();
  expect(cards(log.events).map(([run, { plan }]) => [run, plan.goal])).toEqual([['r1', 'Anew']]);

  const edited = { ...PLAN, revision: 4, tasks: TASKS.slice(0, 1) };
  log.tell({ type: 'plan_changed', run: null, change: 'edited', plan: edited, text: '' });
  expect(cards(log.events)[0][1].plan.tasks).toHaveLength(1);

  const approved: Plan = { ...edited, status: 'approved' };
  log.start('r2').tell({ type: 'plan_changed', run: 'r2', change: 'approved', plan: approved, text: '' });
  const done: Plan = { ...approved, status: 'done' };
  log.tell({ type: 'plan_changed', run: 'r2', change: 'progress', plan: done, text: '' });
  expect(cards(log.events).map(([run, { isCurrent, plan }]) => [run, isCurrent, plan.status])).toEqual([
    ['r1', false, 'proposed'],
    ['r2', true, 'done']
  ]);
});

test('tasks are moved, dropped, changed and added without touching the others', () => {
  expect(moved(TASKS, 'a', 1).map(each => each.id)).toEqual(['b', 'a', 'c']);
  expect(moved(TASKS, 'a', -1).map(each => each.id)).toEqual(['a', 'b', 'c']);
  expect(without(TASKS, 'a').map(each => [each.id, each.needs])).toEqual([
    ['b', []],
    ['c', []]
  ]);
  expect(put(TASKS, task('b', { title: 'Other' }))[1].title).toBe('Other');
  const added = newTask([...TASKS, task('task-4')]);
  expect(added.id).toBe('task-5');
  expect(put(TASKS, added).at(-1)).toBe(added);
  expect(needed(PLAN, TASKS[1])).toEqual([1]);
  expect(minutesLeft({ ...PLAN, tasks: [task('a', { minutes: 5, status: 'done' }), TASKS[1]] })).toBe(10);
});

test('a command is written at the very beginning, and nowhere else', () => {
  expect(tokenAt('/pl', 3)).toEqual({ start: 0, end: 3, query: '/pl' });
  expect(tokenAt(' /pl', 4)).toBeNull();
  expect(tokenAt('/home/me', 8)).toBeNull();
  expect(tokenAt('/plan it', 8)).toBeNull();
  expect(written({ kind: 'command', name: 'plan', label: '', detail: '' })).toBe('/plan');
});

let server: TestServer;
let client: Client;
let session: Session;
let host: HTMLElement;
let root: Root;

beforeEach(async () => {
  server = await TestServer.start();
  client = new Client(server.settings);
  const notebooks = new OpenNotebooks(null, new ContentsManager({ serverSettings: server.settings }));
  session = new Session(client, () => notebooks.target);
  client.connect();
  const trans = nullTranslator.load('codemad_jupyter');
  const context = { session, notebooks, rendermime: new RenderMimeRegistry(), languages: new EditorLanguageRegistry(), trans };
  host = document.body.appendChild(document.createElement('div'));
  root = createRoot(host);
  root.render(
    <PanelContext.Provider value={context}>
      <Transcript openModels={() => undefined} />
    </PanelContext.Provider>
  );
  await session.open();
  await vi.waitFor(() => {
    expect(session.getSnapshot().phase).toBe('ready');
  });
  server.tell(log => {
    log.start().tell({ type: 'plan_changed', change: 'proposed', plan: PLAN, text: '' }).finish();
  });
  await vi.waitFor(() => {
    expect(rows()).toHaveLength(3);
    expect(session.getSnapshot().transcript.running).toBeNull();
  });
});

afterEach(async () => {
  root.unmount();
  host.remove();
  client.dispose();
  await server.stop();
});

function rows(): HTMLElement[] {
  return [...host.querySelectorAll<HTMLElement>('.codemad-task')];
}

function press(node: Element, key: string, more: KeyboardEventInit = {}): void {
  node.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));
}

async function sent(type: string): Promise<Record<string, unknown>> {
  return vi.waitFor(() => {
    const found = server.commands.find(each => each.type === type);
    expect(found).toBeDefined();
    return found as unknown as Record<string, unknown>;
  });
}

test('the card says what is done after what, and how long it may take', () => {
  expect(host.querySelector('.codemad-plan-standing')?.textContent).toBe('waits for you · about 15 min');
  expect(rows()[1].textContent).toContain('about 10 min · after 1');
});

test('keys move a task, and the row keeps the focus when the plan comes back', async () => {
  rows()[0].focus();
  press(rows()[0], 'ArrowDown', { altKey: true });
  const { tasks, revision } = await sent('change_plan');
  expect((tasks as PlanTask[]).map(each => each.id)).toEqual(['b', 'a', 'c']);
  expect(revision).toBe(3);
  const next = { ...PLAN, revision: 4, tasks: moved(TASKS, 'a', 1) };
  server.tell(log => {
    log.tell({ type: 'plan_changed', run: null, change: 'edited', plan: next, text: '' });
  });
  await vi.waitFor(() => {
    expect(rows()[1].textContent).toContain('Do a');
    expect(document.activeElement).toBe(rows()[1]);
  });
});

test('a task is dropped with a key, and nobody needs it any more', async () => {
  press(rows()[0], 'Delete');
  const { tasks } = await sent('change_plan');
  expect((tasks as PlanTask[]).map(each => [each.id, each.needs])).toEqual([
    ['b', []],
    ['c', []]
  ]);
});

test('a task is written in its row; Escape leaves it as it was', async () => {
  press(rows()[2], 'Enter');
  const input = await vi.waitFor(() => {
    const found = host.querySelector<HTMLInputElement>('.codemad-task-form input');
    expect(document.activeElement).toBe(found);
    return found as HTMLInputElement;
  });
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(input, 'Do it well');
  input.dispatchEvent(new Event('input', { bubbles: true }));
  await vi.waitFor(() => {
    expect(input.value).toBe('Do it well');
  });
  press(input, 'Enter');
  const { tasks } = await sent('change_plan');
  expect((tasks as PlanTask[])[2].title).toBe('Do it well');
  await vi.waitFor(() => {
    expect(host.querySelector('.codemad-task-form')).toBeNull();
  });
  button('Add a task').click();
  await vi.waitFor(() => {
    expect(host.querySelector('.codemad-task-form')).not.toBeNull();
  });
  press(host.querySelector('.codemad-task-form input') as Element, 'Escape');
  await vi.waitFor(() => {
    expect(host.querySelector('.codemad-task-form')).toBeNull();
  });
});

test('it is approved as it stands, and offers nothing while it is carried out', async () => {
  button('Approve and begin').click();
  const command = await sent('approve_plan');
  expect([command.plan, command.revision]).toEqual(['p', 3]);
  server.tell(log => {
    const plan: Plan = { ...PLAN, status: 'approved', tasks: put(TASKS, task('a', { status: 'running' })) };
    log.start('r2').tell({ type: 'plan_changed', run: 'r2', change: 'approved', plan, text: '' });
  });
  await vi.waitFor(() => {
    expect(host.querySelector('.codemad-plan-standing')?.textContent).toContain('0 of 3 done');
    expect(rows()[0].textContent).toContain('under way');
  });
  expect(host.querySelectorAll('.codemad-plan .codemad-button')).toHaveLength(0);
  expect(host.textContent).toContain('Plan: Get there (carried on below)');
});
