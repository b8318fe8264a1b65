/* eslint-disable jupyter/no-untranslated-string -- titles of sessions and edits are data here */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Client, retryDelay } from '../src/client';
import { PROMPT_LIMIT } from '../src/problems';
import { Session } from '../src/session';
import { SESSION, cellEdit } from './events';
import { TestServer } from './server';

const TARGET = { notebook: 'a.ipynb', kernel: 'k', cell: 'c1' };

let server: TestServer;
let client: Client;
let session: Session;

beforeEach(async () => {
  server = await TestServer.start();
  client = new Client(server.settings);
  session = new Session(client, () => TARGET);
});

afterEach(async () => {
  client.dispose();
  await server.stop();
});

async function connected(): Promise<void> {
  client.connect();
  await session.open();
  await vi.waitFor(() => {
    expect(session.getSnapshot()).toMatchObject({ connection: 'open', phase: 'ready' });
  });
}

async function until(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 5000, interval: 10 });
}

test('a tab whose panel was never shown says who it is and asks for nothing', async () => {
  client.hello({ type: 'hello', client: 'tab', notebooks: [], active: null });
  client.connect();
  await until(() => {
    expect(server.frames).toEqual([{ type: 'hello', client: 'tab', notebooks: [], active: null }]);
  });
  expect(server.requests).toEqual(['/user/me/codemad/stream?token=secret']);
});

test('opening shows what the session holds', async () => {
  server.log.start().say('m1', 'Hello').finish();
  await connected();
  const { transcript, sessions, models } = session.getSnapshot();
  expect(transcript.entries.map(entry => entry.kind)).toEqual(['run']);
  expect([sessions.length, models.length]).toEqual([1, 1]);
});

test('a prompt says where the person stands and is shown until its run begins', async () => {
  await connected();
  const taken = session.submit('plot it');
  expect(session.getSnapshot().sending).toBe('plot it');
  expect(await taken).toBe(true);
  expect(server.commands).toEqual([
    { type: 'prompt', session: SESSION, text: 'plot it', target: TARGET, intent: 'auto', edge: 'sidebar' }
  ]);
  server.tell(log => log.start('r1', 'plot it'));
  await until(() => {
    expect(session.getSnapshot()).toMatchObject({ sending: null, transcript: { running: 'r1' } });
  });
});

test('a prompt that is too long never leaves', async () => {
  await connected();
  expect(await session.submit('x'.repeat(PROMPT_LIMIT + 1))).toBe(false);
  expect(session.getSnapshot().problem?.message).toContain('1,000,001');
  expect(server.commands).toEqual([]);
});

test('without a session the first prompt opens one', async () => {
  server.current = null;
  await connected();
  await session.submit('hello');
  expect(server.commands.map(command => command.type)).toEqual(['new_session', 'prompt']);
});

test('what the server refuses is told with its hint, and the prompt is not lost', async () => {
  await connected();
  const error = { code: 'usage', message: 'A run is going on.', hint: 'Stop it first.' };
  server.answer = () => ({ status: 400, body: { error } });
  expect(await session.submit('again')).toBe(false);
  expect(session.getSnapshot()).toMatchObject({ sending: null, problem: error });
  session.dismiss();
  expect(session.getSnapshot().problem).toBeNull();
});

test('a server without the extension is told apart, and asked again on demand', async () => {
  const wrong = new Client({ ...server.settings, baseUrl: `${server.settings.baseUrl}elsewhere/` });
  const lost = new Session(wrong, () => TARGET);
  await lost.open();
  expect(lost.getSnapshot()).toMatchObject({ phase: 'failed', problem: { code: 'http_404' } });
  const asked = (): number => server.requests.filter(path => path.endsWith('/sessions')).length;
  await lost.open();
  expect(asked()).toBe(1);
  await lost.load();
  expect(asked()).toBe(2);
});

test('a broken connection comes back after the last event seen, without a word twice', async () => {
  server.log.start();
  await connected();
  server.tell(log => log.tell({ type: 'text_delta', message: 'm1', text: 'Hel' }));
  await until(() => {
    expect(session.getSnapshot().transcript.seq).toBe(2);
  });
  server.cut();
  server.log.say('m1', 'Hello').finish();
  await until(() => {
    expect(session.getSnapshot()).toMatchObject({ connection: 'open', transcript: { running: null } });
  });
  const asked = server.frames.filter(frame => frame.type === 'subscribe');
  expect(asked.map(frame => frame.after)).toEqual([0, 2]);
  const [run] = session.getSnapshot().transcript.entries;
  expect(run).toMatchObject({ drafts: [], items: [{ kind: 'text', text: 'Hello' }] });
});

test('an answer given while the connection was away goes out with the next one', async () => {
  await connected();
  client.hello({ type: 'hello', client: 'tab' });
  server.cut();
  await until(() => {
    expect(client.connection).toBe('lost');
  });
  client.reply({ type: 'port_reply', id: '7', value: 1, error: null });
  await until(() => {
    expect(server.frames.slice(-3).map(frame => frame.type)).toEqual(['hello', 'port_reply', 'subscribe']);
  });
});

test('another session is followed instead of the first', async () => {
  server.log.start();
  await connected();
  session.choose('s2');
  await until(() => {
    expect(session.getSnapshot()).toMatchObject({ phase: 'ready', transcript: { session: 's2', entries: [] } });
  });
  expect(server.frames.slice(-2).map(frame => frame.type)).toEqual(['unsubscribe', 'subscribe']);
  server.tell(log => log.say('m1', 'late'));
  session.choose(SESSION);
  await until(() => {
    const [run] = session.getSnapshot().transcript.entries;
    expect(run).toMatchObject({ kind: 'run', items: [{ kind: 'text', text: 'late' }] });
  });
});

test('listeners are told once per frame, however many words came', async () => {
  server.log.start();
  await connected();
  let told = 0;
  session.subscribe(() => {
    told += 1;
  });
  server.tell(log => {
    for (let index = 0; index < 500; index++) {
      log.tell({ type: 'text_delta', message: 'm1', text: `${index} ` });
    }
  });
  await until(() => {
    expect(session.getSnapshot().transcript.seq).toBe(501);
  });
  expect(told).toBeLessThan(50);
});

test('a renamed session has its name in the list as well', async () => {
  await connected();
  server.tell(log => log.tell({ type: 'session_changed', run: null, title: 'Renamed', model: 'm' }));
  await until(() => {
    expect(session.getSnapshot().sessions[0].title).toBe('Renamed');
  });
});

test('commands carry what was clicked', async () => {
  await connected();
  await session.acceptEdit('e1', [1], true);
  await session.rejectEdit('e1', null);
  await session.approve('a1', 'd1', true);
  await session.reject('a1');
  await session.undo('r1');
  await session.redo();
  await session.cancel();
  await session.rename('New name');
  await session.chooseModel('anthropic/x');
  const here = { session: SESSION };
  expect(server.commands).toEqual([
    { type: 'accept_edit', ...here, edit: 'e1', hunks: [1], execute: true },
    { type: 'reject_edit', ...here, edit: 'e1', hunks: null },
    { type: 'approve', ...here, approval: 'a1', digest: 'd1', always: true },
    { type: 'reject', ...here, approval: 'a1', reason: '' },
    { type: 'undo', ...here, run: 'r1' },
    { type: 'redo', ...here },
    { type: 'cancel', ...here, run: null },
    { type: 'rename_session', ...here, title: 'New name' },
    { type: 'choose_model', ...here, model: 'anthropic/x' }
  ]);
});

test('a proxy that gives up on a long cell is no problem once the edit is settled', async () => {
  server.log.start().tell({ type: 'edit_proposed', edit: cellEdit('e1') }).finish();
  server.log.tell({ type: 'edit_settled', edit: 'e1', status: 'accepted', hunks: { 0: 'accepted' } });
  await connected();
  server.answer = () => ({ status: 504, body: {} });
  await session.acceptEdit('e1', null, true);
  expect(session.getSnapshot().problem).toBeNull();
  await session.acceptEdit('e2', null, true);
  expect(session.getSnapshot().problem?.code).toBe('http_504');
});

test('attempts wait longer and longer, at most some 20 seconds', () => {
  expect([0, 1, 2, 3, 20].map(attempt => retryDelay(attempt, 0.5))).toEqual([500, 1000, 2000, 4000, 15_000]);
  expect(retryDelay(50, 1)).toBeLessThan(20_000);
});
