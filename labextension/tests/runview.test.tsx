/** The run view: a crowd of agents with odd names, folders as tabs, merging in order, dropping, and steering. */
import React from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Client } from '../src/client';
import type { Pages } from '../src/pages';
import type { AgentStatus, MergeCheck, WorktreeInfo } from '../src/protocol';
import type { Session } from '../src/session';
import { Composer } from '../src/views/composer';
import { RunPage } from '../src/views/runpage';
import { Transcript } from '../src/views/transcript';
import type { Log } from './events';
import { SESSION } from './events';
import { drawPanel } from './panel';
import { button } from './seen';
import { TestServer } from './server';

const EVIL = '<img src=x onerror=alert(1)>\u202e\u001b[31m';
const SHOWN = '<img src=x onerror=alert(1)>\\u202e';

const FOLDER: WorktreeInfo = {
  name: 'one',
  agent: 'coder',
  task: `Mend ${EVIL}`,
  session: SESSION,
  run: 'r1',
  made: 1_700_000_000,
  state: 'free',
  base: 'abcdef0123456789',
  bytes: 3 * 1024 ** 2,
  changed: ['a.py'],
  besides: [`${EVIL} is ignored by git`],
  trouble: '',
  left_out: []
};

const CHECK: MergeCheck = {
  changes: [{ path: 'a.py', title: `Change a.py (two) ${EVIL}`, cell: '' }],
  clashes: [{ path: `b${EVIL}.ipynb`, agent: 'one', reason: 'two has changed the same', cell: 'c1', others: ['two'] }]
};

let server: TestServer;
let client: Client;
let session: Session;
let pages: Pages;
let host: HTMLElement;
let close: () => Promise<void>;

function agent(name: string, more: Partial<AgentStatus> = {}): AgentStatus {
  const none = { worktree: null, text: '', tokens: 0, cost: 0, steps: 0, started: 0, seconds: 0 };
  const given = { role: 'analyst', task: `Task of ${name}`, parent: 'main', model: 'compatible/small' };
  return { name, state: 'working', ...given, ...none, ...more };
}

function Shown(): React.JSX.Element {
  const page = React.useSyncExternalStore(pages.subscribe, pages.getPage);
  const ref = React.useRef(null);
  return (
    <>
      {page === 'run' && <RunPage />}
      <Transcript openModels={() => undefined} />
      <Composer focuser={ref} modelOpener={ref} />
    </>
  );
}

beforeEach(async () => {
  server = await TestServer.start();
  server.routes.agents = { agents: [] };
  ({ client, session, pages, host, close } = drawPanel(server, <Shown />));
  client.connect();
  await session.open();
});

afterEach(async () => {
  await close();
});

function tell(add: (log: Log) => void): void {
  server.tell(add);
}

function last(type: string): unknown {
  return server.commands.filter(command => command.type === type).at(-1);
}

test('thirty agents with odd names stand below who sent them, and each can be stopped', async () => {
  tell(log => {
    log.start().tell({ type: 'phase_changed', phase: 'execute' });
    log.tell({ type: 'agent_changed', status: agent('lead') });
    for (let number = 0; number < 29; number++) {
      const more = { parent: 'lead', task: EVIL, tokens: number, steps: 1 };
      log.tell({ type: 'agent_changed', status: agent(`helper-${number}${number ? '' : EVIL}`, more) });
    }
    const said = { number: 1, kind: 'question' as const, sender: EVIL, to: null, text: EVIL, answers: null };
    log.tell({ type: 'agent_said', message: said });
  });
  pages.show('run');
  await vi.waitFor(() => {
    expect(host.querySelectorAll('.codemad-agent .codemad-agent .codemad-agent-name')).toHaveLength(29);
  });
  expect(host.querySelector('img')).toBeNull();
  expect(host.textContent).not.toContain('\u202e');
  expect(host.querySelector('.codemad-said')?.textContent).toContain(SHOWN);
  button(`Stop helper-0${SHOWN}`).click();
  await vi.waitFor(() => {
    expect(last('cancel')).toMatchObject({ run: 'r1', agent: `helper-0${EVIL}` });
  });
  tell(log => log.tell({ type: 'agent_changed', status: agent('lead', { state: 'done', text: 'All well.' }) }));
  await vi.waitFor(() => {
    expect(host.querySelector('[aria-label=lead]')?.textContent).toContain('All well.');
  });
  expect(() => button('Stop lead')).toThrow();
});

test('what is typed while a run works is said to it; nothing is lost where it is refused', async () => {
  tell(log => log.start());
  const area = host.querySelector('textarea')!;
  await vi.waitFor(() => {
    expect(area.placeholder).toContain('Working');
  });
  const write = (text: string): void => {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')?.set?.call(area, text);
    area.dispatchEvent(new InputEvent('input', { bubbles: true }));
  };
  const enter = (): void => {
    area.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
  };
  write('Only the first');
  await vi.waitFor(() => button('Say it to the run: it is read before the next step'));
  enter();
  await vi.waitFor(() => {
    expect(last('steer')).toMatchObject({ run: 'r1', agent: 'main', text: 'Only the first' });
  });
  await vi.waitFor(() => {
    expect(area.value).toBe('');
  });
  tell(log => log.tell({ type: 'steered', id: 'x', text: `Only ${EVIL}`, read: false }));
  await vi.waitFor(() => {
    expect(host.querySelector('.codemad-steered')?.textContent).toBe(`Only ${SHOWN}read before the next step`);
  });
  server.answer = () => ({ status: 409, body: { error: { code: 'conflict', message: 'over', hint: '' } } });
  write('Too late');
  await vi.waitFor(() => button('Say it to the run: it is read before the next step'));
  enter();
  await vi.waitFor(() => {
    expect(session.getSnapshot().problem?.message).toBe('over');
    expect(area.value).toBe('Too late');
  });
});

test('folders are merged in the order in which they were chosen, clashes told before', async () => {
  const two = { ...FOLDER, name: 'two', agent: 'tester' };
  const none = { ...FOLDER, name: 'none', changed: [] };
  server.routes.agents = { agents: [FOLDER, two, none], ...CHECK };
  pages.show('run');
  await vi.waitFor(() => {
    expect(host.querySelectorAll('input[type=checkbox]')).toHaveLength(3);
  });
  const [first, second, third] = host.querySelectorAll<HTMLInputElement>('input[type=checkbox]');
  expect(third.disabled).toBe(true);
  expect(button('Merge…').disabled).toBe(true);
  second.click();
  first.click();
  await vi.waitFor(() => {
    expect(button('Merge…').disabled).toBe(false);
  });
  button('Merge…').click();
  await vi.waitFor(() => {
    const clash = host.querySelector('.codemad-clashes li')?.textContent;
    expect(clash).toBe(`b${SHOWN}.ipynb, cell c1 by one: two has changed the same`);
  });
  expect(server.sent.agents).toEqual({ agents: ['two', 'one'] });
  expect(last('merge_agents')).toBeUndefined();
  button('Propose for review').click();
  await vi.waitFor(() => {
    expect(last('merge_agents')).toMatchObject({ agents: ['two', 'one'], edge: 'sidebar' });
    expect(pages.getPage()).toBe('chat');
  });
});

test('a folder is a tab with its diff, and goes only after a question', async () => {
  const difference = { path: 'n.ipynb', cell: 'c1', status: 'changed' as const, detail: '' };
  server.routes.agents = { agents: [FOLDER] };
  server.routes['agents/one'] = { name: 'one', differences: [{ ...difference, diff: '@@ -1 +1 @@\n-a\n+b\n' }] };
  pages.show('run');
  await vi.waitFor(() => {
    expect(host.querySelectorAll('[role=tab]')).toHaveLength(2);
  });
  host
    .querySelector('[role=tab]')
    ?.dispatchEvent(new KeyboardEvent('keydown', { key: 'End', bubbles: true, cancelable: true }));
  await vi.waitFor(() => {
    expect(host.querySelector('.codemad-worktree .codemad-udiff-added')?.textContent).toBe('+b');
  });
  expect(document.activeElement?.textContent).toBe('one');
  expect(host.querySelector('.codemad-worktree')?.textContent).toContain('n.ipynb, cell c1');
  button('Drop…').click();
  (await vi.waitFor(() => button('Keep it'))).click();
  await vi.waitFor(() => {
    expect(document.querySelector('.jp-Dialog')).toBeNull();
    expect(button('Drop…').disabled).toBe(false);
  });
  expect(server.methods['agents/one']).toBe('GET');
  button('Drop…').click();
  (await vi.waitFor(() => button('Drop'))).click();
  await vi.waitFor(() => {
    expect(server.methods['agents/one']).toBe('DELETE');
  });
});
