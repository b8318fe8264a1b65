/* eslint-disable jupyter/no-untranslated-string -- what the server answers is data here */
/** The Sessions page with a server behind it, and the pure functions that decide what it draws. */
import React from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { entriesHere } from '../src/branching';
import type { Client } from '../src/client';
import type { BranchComparison, SessionInfo, SessionTree, Turn } from '../src/protocol';
import { reduce } from '../src/reduce';
import type { Session } from '../src/session';
import { emptyTranscript, waiting } from '../src/transcript';
import { ordered } from '../src/views/format';
import { SessionsPage } from '../src/views/sessions';
import { rowsOf, runsTo } from '../src/views/tree';
import { Log, SESSION, cellEdit } from './events';
import { drawPanel } from './panel';
import { shows } from './seen';
import { TestServer } from './server';

function info(id: string, change: Partial<SessionInfo> = {}): SessionInfo {
  const plain = { title: id, model: '', created: 1, updated: 1, pinned: false, archived: false };
  return { id, ...plain, branch: 'main', origin: '', ...change };
}

function turn(run: string, parent: string | null, prompt = run): Turn {
  return { run, parent, entry: `e-${run}`, prompt, at: 1, undone: false, edits: 0 };
}

const TREE: SessionTree = {
  session: info(SESSION, { title: 'First' }),
  branches: [
    { id: 'main', name: 'main', head: 'e-r2', run: 'r2', current: true, created: 1, checkpoint: null },
    { id: 'b', name: 'in <b>blue</b>', head: 'e-r3', run: 'r3', current: false, created: 2, checkpoint: null }
  ],
  turns: [turn('r1', null, 'draw it'), turn('r2', 'r1', 'now in red'), turn('r3', 'r1', 'now in blue')],
  running: null,
  seq: 9
};

const COMPARISON: BranchComparison = {
  common: 2,
  ancestor: { entry: 'e1', run: 'r1', role: 'assistant', text: 'Here it is.', tools: [], at: 1 },
  left: { session: SESSION, branch: 'main', name: 'main', messages: [], edits: [] },
  right: {
    session: SESSION,
    branch: 'b',
    name: 'in blue',
    messages: [{ entry: 'e3', run: 'r3', role: 'user', text: '<img src=x onerror=1>', tools: [], at: 1 }],
    edits: [
      { edit: 'x3', run: 'r3', title: 'Blue', status: 'pending', path: 'a.py', cell: null, diff: '+blue' }
    ]
  }
};

let server: TestServer;
let client: Client;
let session: Session;
let host: HTMLElement;
let close: () => Promise<void>;

beforeEach(async () => {
  server = await TestServer.start();
  server.routes['sessions/tree'] = TREE;
  server.routes['sessions/compare'] = COMPARISON;
  server.others.push(info('s2', { title: 'Pinned one', pinned: true }), info('s3', { archived: true }));
  ({ client, session, host, close } = drawPanel(server, <SessionsPage />));
  client.connect();
  await session.open();
  await shows('now in blue');
});

afterEach(async () => {
  await close();
});

function press(name: string): void {
  const found = [...host.querySelectorAll('button')].find(
    each => (each.getAttribute('aria-label') ?? each.title) === name || each.textContent === name
  );
  if (!found) {
    throw new Error(`no button ${name} in ${host.innerHTML}`);
  }
  found.click();
}

function titles(): (string | null)[] {
  return [...host.querySelectorAll('.codemad-session-title')].map(each => each.textContent);
}

test('the tree shows turns and branches, and names are text', async () => {
  expect([...host.querySelectorAll('.codemad-turn-prompt')].map(each => each.textContent)).toEqual([
    'draw it',
    'now in red',
    'now in blue'
  ]);
  expect(host.querySelectorAll('.codemad-turn-here').length).toBe(2);
  expect(host.querySelector('b')).toBeNull();
  press('Switch');
  await vi.waitFor(() => {
    expect(server.commands.at(-1)).toEqual({
      type: 'switch_branch',
      session: SESSION,
      branch: 'b',
      restore: false
    });
  });
});

test('pinned sessions come first, archived ones on demand', async () => {
  await vi.waitFor(() => {
    expect(titles()).toEqual(['Pinned one', 'First']);
  });
  host.querySelector<HTMLInputElement>('input[type=checkbox]')?.click();
  await vi.waitFor(() => {
    expect(titles()).toEqual(['Pinned one', 'First', 's3']);
  });
  press('Pin “First”');
  await vi.waitFor(() => {
    expect(server.commands.at(-1)).toEqual({ type: 'arrange_session', session: SESSION, pinned: true });
  });
});

test('what is ticked of the other branch is taken over', async () => {
  press('Compare');
  await shows('Two branches side by side');
  await shows('Here it is.');
  expect(host.querySelector('img')).toBeNull();
  host.querySelectorAll<HTMLInputElement>('input[type=checkbox]').forEach(box => {
    box.click();
  });
  await shows('Take 2 over');
  press('Take 2 over');
  await vi.waitFor(() => {
    expect(server.commands.at(-1)).toMatchObject({ type: 'merge_branch', entries: ['e3'], edits: ['x3'] });
  });
});

test('rows go in where the way parts', () => {
  const turns = [turn('a', null), turn('b', 'a'), turn('c', 'b'), turn('d', 'b'), turn('e', 'c')];
  expect(rowsOf(turns).map(row => `${row.turn.run}${row.depth}`)).toEqual(['a0', 'b0', 'c1', 'e1', 'd1']);
  expect([...runsTo(turns, 'e')]).toEqual(['e', 'c', 'b', 'a']);
  const long = Array.from({ length: 5000 }, (_, n) => turn(`r${n}`, n ? `r${n - 1}` : null));
  expect(rowsOf(long).length).toBe(5000);
});

test('sessions are ordered by pin, then by use', () => {
  const all = [info('a', { updated: 3 }), info('b', { pinned: true }), info('c', { archived: true })];
  expect(ordered(all, true).map(each => each.id)).toEqual(['b', 'a', 'c']);
  expect(ordered(all, false).map(each => each.id)).toEqual(['b', 'a']);
});

test('a branch shows its own runs and has its own redo', () => {
  const log = new Log().start('r1').finish('r1').start('r2');
  log.tell({ type: 'edit_proposed', run: 'r2', edit: cellEdit('x') }).finish('r2');
  log.tell({ type: 'checkpoint_made', run: 'r2', reason: 'undo', checkpoint: 'k' });
  log.tell({ type: 'restored', run: 'r2', kind: 'undo', checkpoint: 'k', runs: ['r2'] });
  const stand = (branch: string, runs: string[], differing: string[] = []) => ({
    type: 'branch_changed' as const,
    run: null,
    change: 'switched' as const,
    branch,
    name: branch,
    runs,
    differing,
    checkpoint: null,
    text: ''
  });
  const state = (): ReturnType<typeof emptyTranscript> =>
    log.events.reduce(reduce, emptyTranscript(SESSION));
  expect(state().redoable).toEqual([['r2']]);
  log.tell(stand('b', ['r1'], ['a.py']));
  expect(state().redoable).toEqual([]);
  expect(state().differing).toEqual(['a.py']);
  expect(entriesHere(state().entries).map(entry => entry.key)).toEqual(['r1']);
  expect(waiting(state()).edits).toBe(0);
  log.start('r3').finish('r3');
  expect(state().differing).toEqual([]);
  log.tell(stand('main', ['r1', 'r2']));
  expect(state().redoable).toEqual([['r2']]);
  expect(entriesHere(state().entries).map(entry => entry.kind)).toEqual(['run', 'run', 'restored']);
  log.tell({ type: 'checkpoint_made', run: null, reason: 'restore', checkpoint: 'l' }, stand('b', ['r1', 'r3']));
  log.tell({ type: 'restored', run: null, kind: 'restore', checkpoint: 'l', runs: ['r3'], others: ['r2'] });
  expect(state().redoable).toEqual([]);
  expect(state().entries.flatMap(each => (each.kind === 'run' ? [each.undone] : []))).toEqual([
    false,
    false,
    true
  ]);
  log.tell(stand('main', ['r1', 'r2']));
  expect(state().redoable).toEqual([['r2'], ['r3']]);
});
