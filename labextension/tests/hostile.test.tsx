/** Every field that the panel draws, filled with more than two hundred strings that want to be more than text. */
import { RenderMimeRegistry } from '@jupyterlab/rendermime';
import { marked } from 'marked';
import React from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Client } from '../src/client';
import type { Pages } from '../src/pages';
import type { Page } from '../src/pages';
import type { Session } from '../src/session';
import { Composer } from '../src/views/composer';
import { Header } from '../src/views/header';
import { Keys } from '../src/views/keys';
import { MemoryPage } from '../src/views/memory';
import { Preview } from '../src/views/preview';
import { RunPage } from '../src/views/runpage';
import { SessionsPage } from '../src/views/sessions';
import { Timeline } from '../src/views/timeline';
import { Transcript } from '../src/views/transcript';
import { TrustBanner } from '../src/views/trust';
import { Log, NO_USAGE, assistant, cellEdit, hunk } from './events';
import { HOSTILE, alive, filled } from './hostile';
import { drawPanel } from './panel';
import { TestServer } from './server';

/** How many go into one field at once. */
const LOT = 16;

let server: TestServer;
let client: Client;
let session: Session;
let pages: Pages;
let host: HTMLElement;
let close: () => Promise<void>;

const PAGES: Partial<Record<Page, () => React.JSX.Element | null>> = {
  timeline: Timeline,
  context: Preview,
  keys: Keys,
  memory: MemoryPage,
  run: RunPage,
  sessions: SessionsPage
};

function Shown(): React.JSX.Element {
  const page = React.useSyncExternalStore(pages.subscribe, pages.getPage);
  const Shown = PAGES[page];
  const ref = { current: null };
  return (
    <>
      <Header />
      {Shown && <Shown />}
      <TrustBanner />
      <Transcript openModels={() => undefined} />
      <Composer focuser={ref} modelOpener={ref} />
    </>
  );
}

/** All is near the visible part, so that markdown is drawn. */
class Near {
  constructor(private _told: (entries: { isIntersecting: boolean }[]) => void) {}
  observe(): void {
    this._told([{ isIntersecting: true }]);
  }
  unobserve(): void {}
  disconnect(): void {}
}

beforeEach(async () => {
  vi.stubGlobal('IntersectionObserver', Near);
  Reflect.set(globalThis, 'hit', vi.fn());
  server = await TestServer.start();
  const markdownParser = { render: (source: string) => Promise.resolve(marked.parse(source, { async: false })) };
  ({ client, session, pages, host, close } = drawPanel(server, <Shown />, new RenderMimeRegistry({ markdownParser })));
});

afterEach(async () => {
  await close();
  vi.unstubAllGlobals();
});

/** One run with all that can happen in it; `§` stands where somebody else's words do. */
function everything(log: Log, number: number): void {
  const run = `r${number}`;
  const edit = cellEdit(`e${number}`, { notebook: '§', cell: `c${number}` }, {
    title: '§', before: '§', after: '§', hunks: [hunk(0, ['§'], ['§'])]
  });
  const file = { ...edit, id: `f${number}`, target: { type: 'file' as const, path: '§', op: 'write' as const, exists: true, to: null } };
  const problem = { path: '§', cell: `c${number}`, line: 1, column: 1, severity: 'error' as const, code: '§' };
  const diagnosis = { problems: [{ ...problem, server: '§', text: '§', unused: false }], more: 0, servers: ['§'], detail: '§' };
  const trial = { status: 'failed' as const, method: 'fork' as const, detail: '§', seconds: 1, outputs: [], receipt: null, replayed: ['§'] };
  const status = {
    name: `agent-${number}`, role: '§', task: '§', parent: '§', state: 'working' as const, worktree: `w${number}`,
    model: '§', text: '§', tokens: 1, cost: 0, steps: 1, started: 1, seconds: 1
  };
  const task = { id: `t${number}`, title: '§', detail: '§', needs: [], minutes: 1, status: 'open' as const, note: '§' };
  const target = { notebook: '§', kernel: null, cell: null };
  log.tell({ type: 'run_started', run, prompt: '§', model: '§', why: '§', edge: 'sidebar', target });
  log.tell(
    { type: 'notice', run, level: 'warning', code: '§', text: '§' },
    { type: 'message_done', run, id: `m${number}`, message: assistant('§', '§'), usage: NO_USAGE, cost: null },
    { type: 'tool_called', run, call: `k${number}`, tool: '§', risk: 'read', arguments: { path: '§', other: '§' } },
    { type: 'tool_done', run, call: `k${number}`, tool: '§', status: 'ok', summary: '§', content: '§', seconds: 1 },
    {
      type: 'approval_asked', run, approval: `a${number}`, call: '', tool: '§', action: '§', reason: '§', digest: 'd',
      axis: 'shell', commands: ['§'], rule: '§', keepable: true, expires: 0
    },
    { type: 'question_asked', run, question: `q${number}`, text: '§', options: ['§', '§'], expires: 0 },
    { type: 'edit_proposed', run, edit },
    { type: 'edit_tried', run, edit: edit.id, trial },
    { type: 'edit_diagnosed', run, edit: edit.id, diagnosis },
    { type: 'edit_proposed', run, edit: file },
    { type: 'edit_settled', run, edit: file.id, status: 'stale', hunks: {}, detail: '§' },
    { type: 'cell_executed', run, notebook: '§', cell: '§', ok: false, error: '§', seconds: 1 },
    { type: 'plan_changed', run, change: 'proposed', text: '§', plan: { id: `p${number}`, goal: '§', tasks: [task], status: 'proposed', revision: 1 } },
    { type: 'agent_changed', run, status },
    { type: 'agent_said', run, message: { number: 1, kind: 'notice', sender: '§', to: '§', text: '§', answers: null } },
    { type: 'steered', run, id: `s${number}`, text: '§', read: false },
    { type: 'memory_changed', run, change: 'waiting', memories: [`x${number}`], scope: 'project', kind: 'fact', text: '§' },
    { type: 'committed', run, commit: '§', message: '§', files: ['§'] },
    { type: 'kernel_changed', run, state: 'died', notebook: '§', text: '§', lost: ['§'] },
    { type: 'checkpoints_changed', run, text: '§' },
    {
      type: 'verified', run,
      report: {
        notebook: '§', same: false, missing: ['§'], out_of_order: ['§'], notes: ['§'], seconds: 1,
        cells: [{ cell: '§', number: 1, status: 'differs', detail: '§', diff: '§', seconds: 1 }]
      }
    },
    { type: 'restored', run: null, kind: 'undo', checkpoint: 'k', runs: [], others: [], files: ['§'], cells: ['§'], merged: ['§'], conflicts: ['§'] },
    { type: 'run_finished', run, status: 'failed', text: '§', usage: NO_USAGE, cost: 0, seconds: 1 }
  );
}

/** What is folded away is drawn as well. */
function unfold(): void {
  for (const each of host.querySelectorAll<HTMLElement>('[aria-expanded="false"]:not([aria-haspopup])')) {
    each.click();
  }
  host.querySelectorAll('details').forEach(each => {
    each.open = true;
  });
}

async function pause(): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 30));
}

/** Show a session in which each `§` is the next of these texts, all of it unfolded. */
async function show(log: Log, next: () => string): Promise<void> {
  server.log.events.push(...filled(log.events, next));
  client.connect();
  await session.open();
  const articles = log.events.filter(event => event.type === 'run_started').length;
  await vi.waitFor(
    () => {
      expect(session.getSnapshot().transcript.seq).toBe(server.log.events.length);
      expect(host.querySelectorAll('article').length).toBe(articles);
    },
    { timeout: 20_000 }
  );
  unfold();
  await pause();
}

function isText(): void {
  expect(alive(host)).toEqual([]);
  expect(Reflect.get(globalThis, 'hit')).not.toHaveBeenCalled();
}

/** All of them in lots, over and over. */
function lots(): () => string {
  const found = Array.from({ length: HOSTILE.length / LOT }, (_, i) => HOSTILE.slice(LOT * i, LOT * (i + 1)).join('\n'));
  let at = 0;
  return () => found[at++ % found.length];
}

test('there are enough of them, each another', () => {
  expect(new Set(HOSTILE).size).toBeGreaterThan(200);
});

test('the look finds what is alive', () => {
  const page = document.createElement('div');
  for (const text of ['<img src=x onerror=1>', '<a href="javascript:1">x</a>', '<b style="background:url(x)">x</b>', '<iframe></iframe>']) {
    page.innerHTML = text;
    expect(alive(page), text).not.toEqual([]);
  }
  page.innerHTML = '<p>x <a href="https://example.org">y</a></p>';
  expect(alive(page)).toEqual([]);
});

test('every field of the conversation is drawn as text', { timeout: 60_000 }, async () => {
  const named = new Log();
  everything(named, 0);
  let field = 0;
  filled(named.events, () => `field-${field++}`);
  const count = field;
  const log = new Log();
  const step = HOSTILE.length / LOT;
  for (let number = 0; number < step; number += 1) {
    everything(log, number);
  }
  log.tell({ type: 'session_changed', run: null, title: '§', model: '§' });
  // A run has another number of fields than there are lots, so that each field gets to hold each.
  expect(gcd(count, step)).toBe(1);
  await show(log, lots());
  isText();
});

test('what a model writes is markdown and nothing more', { timeout: 60_000 }, async () => {
  const log = new Log().start();
  for (const [number, text] of HOSTILE.entries()) {
    log.tell({ type: 'message_done', id: `m${number}`, message: assistant(text, text), usage: NO_USAGE, cost: null });
  }
  await show(log.finish(), () => '');
  await vi.waitFor(
    () => {
      expect(host.querySelectorAll('.codemad-markdown').length).toBeGreaterThanOrEqual(HOSTILE.length - 2);
      expect(host.querySelectorAll('.codemad-markdown a').length).toBeGreaterThan(10);
    },
    { timeout: 20_000 }
  );
  isText();
});

test('every list of the pages is drawn as text', { timeout: 60_000 }, async () => {
  const info = { id: '§', title: '§', model: '§', created: 1, updated: 2, pinned: false, archived: false };
  const many = <T,>(value: T): T[] => HOSTILE.flatMap(text => filled([value], () => text));
  const point = {
    id: '§', session: 's1', run: '§', reason: 'manual', name: '§', title: '§', made: 1, files: 1, notebooks: ['§'],
    size: 1, covered: true, skipped: ['§'], undone: false
  };
  const fact = {
    id: '§', scope: 'project', text: '§', kind: 'fact', role: '§', session: '§', run: '§', who: 'model', model: '§',
    created: 1, used: null, uses: 1, confirmed: false, level: 'outputs'
  };
  const part = { name: '§', text: '§', tokens: 1, truncated: true, masked: 1, left_out: ['§'] };
  const folder = {
    name: '§', agent: '§', task: '§', session: '§', run: '§', made: 1, state: 'trouble', base: '§', bytes: 1,
    changed: ['§'], besides: ['§'], trouble: '§', left_out: ['§']
  };
  const session_ = { ...info, branch: 'main', origin: '§' };
  const turn = { run: '§', parent: null, entry: '§', prompt: '§', at: 1, undone: false, edits: 1 };
  const branch = { id: '§', name: '§', head: '§', run: '§', current: false, created: 1, checkpoint: null };
  const sandbox = { strength: 'limited', backend: HOSTILE[0], reasons: HOSTILE };
  const modes = [{ name: 'ask', text: HOSTILE.join(' '), refused: '' }, { name: HOSTILE[4], text: '', refused: HOSTILE[5] }];
  Object.assign(server.routes, {
    checkpoints: { checkpoints: many(point) },
    memory: { memories: many(fact) },
    preview: { model: HOSTILE[1], level: 'outputs', parts: many(part), tokens: 1, window: 2, images: 0, leaves: true },
    index: { state: 'ready', done: 1, total: 1, files: 1, chunks: 1, lacking: 0, left_out: [], fault: '', notice: '' },
    agents: { agents: many(folder) },
    'sessions/tree': { session: session_, branches: many(branch), turns: many(turn), running: null, seq: 1 },
    keys: { keys: many({ provider: '§', title: '§', place: 'file', variable: '§', detail: '§' }), store: 'file', notice: HOSTILE[2] },
    trust: { folder: HOSTILE[3], state: 'untrusted', by: 'nobody', since: null, found: HOSTILE, digest: '' },
    status: { standing: { mode: 'ask', settled: 'ask', modes, sandbox, remedy: HOSTILE[6] } }
  });
  server.others.push(...many(session_));
  await show(new Log().start().finish(), () => '');
  for (const page of Object.keys(PAGES) as Page[]) {
    pages.show(page);
    await vi.waitFor(
      () => {
        expect(host.querySelector('.codemad-page-body')?.textContent).toMatch(/window\.hit|evil/);
      },
      { timeout: 20_000 }
    );
    unfold();
    await pause();
    isText();
  }
});

function gcd(one: number, other: number): number {
  return other === 0 ? one : gcd(other, one % other);
}
