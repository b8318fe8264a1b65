 
/** The memory page, and what a run wants to remember, with a server behind them. */
import React from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Memory } from '../src/protocol';
import type { Pages } from '../src/pages';
import type { Session } from '../src/session';
import { Header } from '../src/views/header';
import { MemoryPage } from '../src/views/memory';
import { Transcript } from '../src/views/transcript';
import type { Log } from './events';
import { drawPanel } from './panel';
import { accepted, button, shows } from './seen';
import { TestServer } from './server';

let server: TestServer;
let session: Session;
let pages: Pages;
let host: HTMLElement;
let close: () => Promise<void>;

const FACT: Memory = {
  id: 'memory-1',
  scope: 'project',
  text: 'The target is diagnosis.',
  kind: 'decision',
  role: '',
  session: 's1',
  run: 'r1',
  who: 'model',
  model: 'anthropic/claude-x',
  created: 1_700_000_000,
  used: null,
  uses: 3,
  confirmed: true,
  level: 'outputs'
};


function Shown(): React.JSX.Element {
  const page = React.useSyncExternalStore(pages.subscribe, pages.getPage);
  return (
    <>
      <Header />
      {page === 'memory' && <MemoryPage />}
      <Transcript openModels={() => undefined} />
    </>
  );
}

beforeEach(async () => {
  server = await TestServer.start();
  const panel = drawPanel(server, <Shown />);
  ({ session, pages, host, close } = panel);
  panel.client.connect();
  await session.open();
  await vi.waitFor(() => {
    expect(session.getSnapshot().phase).toBe('ready');
  });
});

afterEach(async () => {
  await close();
});

/** Open one of the pages behind the menu. */
async function showRarer(name: string): Promise<void> {
  button('More pages').click();
  await vi.waitFor(() => {
    const entries = [...document.querySelectorAll<HTMLElement>('[role=menuitemradio]')];
    const found = entries.find(entry => entry.querySelector('.codemad-menu-label')?.textContent === name);
    expect(found).toBeDefined();
    found?.click();
  });
}


async function told(add: (log: Log) => void): Promise<void> {
  server.tell(add);
  const seq = server.log.events.length;
  await vi.waitFor(() => {
    expect(session.getSnapshot().transcript.seq).toBe(seq);
  });
}


test('the memory page lists facts by where they hold, with source, and lets one keep and forget', async () => {
  const mine: Memory = { ...FACT, id: 'memory-2', scope: 'user', kind: 'preference', text: 'Likes polars.', confirmed: false };
  server.routes.memory = { memories: [FACT, { ...FACT, id: 'memory-3', scope: 'session', session: 's0' }, mine] };
  await showRarer('Memory');
  await shows('Likes polars.');
  const headings = [...host.querySelectorAll('.codemad-memories h3')].map(each => each.textContent);
  expect(headings).toEqual(['In one conversation', 'In this project', 'About you, everywhere']);
  expect(host.textContent).toContain('Decision · another conversation · by claude-x');
  expect(host.textContent).toContain('used 3 times');
  const waiting = [...host.querySelectorAll('.codemad-memory')].at(-1);
  expect(waiting?.textContent).toContain('waits for you');
  button('Keep').click();
  await vi.waitFor(() => {
    expect(server.commands).toEqual([{ type: 'confirm_memory', session: 's1', memory: 'memory-2' }]);
  });
  server.routes.memory = { memories: [] };
  await told(log => log.tell({ type: 'memory_changed', run: null, change: 'forgotten', memories: ['memory-1'], text: '' }));
  await shows('Nothing is remembered yet.');
});

test('forgetting everything asks first; a changed text is a command', async () => {
  server.routes.memory = { memories: [FACT] };
  await showRarer('Memory');
  await shows('The target is diagnosis.');
  button('Forget everything').click();
  await accepted();
  await vi.waitFor(() => {
    expect(server.commands).toEqual([{ type: 'forget_memory', session: 's1', memories: ['memory-1'] }]);
  });
  button('Edit').click();
  await vi.waitFor(() => {
    expect(document.querySelector('.jp-Dialog input')).not.toBeNull();
  });
  const input = document.querySelector<HTMLInputElement>('.jp-Dialog input');
  expect(input?.value).toBe('The target is diagnosis.');
  if (input) {
    input.value = 'It is outcome.';
  }
  await accepted();
  await vi.waitFor(() => {
    expect(server.commands.at(-1)).toEqual({
      type: 'edit_memory',
      session: 's1',
      memory: 'memory-1',
      text: 'It is outcome.',
      edge: 'sidebar'
    });
  });
});

test('what a model wants to remember is a line of its run, and shows what became of it', async () => {
  const waiting = { type: 'memory_changed' as const, change: 'waiting' as const, memories: ['m1'], scope: 'user' as const };
  await told(log => log.start().tell({ ...waiting, kind: 'preference', text: 'Likes\npolars.' }).finish());
  await shows('Remember this, about you, everywhere? Likes polars.');
  button('Keep').click();
  await vi.waitFor(() => {
    expect(server.commands).toEqual([{ type: 'confirm_memory', session: 's1', memory: 'm1' }]);
  });
  await told(log => log.tell({ ...waiting, run: null, change: 'confirmed', kind: 'preference', text: 'Likes polars.' }));
  await shows('Remembered, about you, everywhere: Likes polars.');
  expect(host.querySelectorAll('.codemad-remembered')).toHaveLength(1);
  button('Forget').click();
  await vi.waitFor(() => {
    expect(server.commands.at(-1)).toEqual({ type: 'forget_memory', session: 's1', memories: ['m1'] });
  });
  await told(log => log.tell({ ...waiting, run: null, change: 'forgotten', text: '' }));
  await shows('Forgotten: 1 fact.');
  expect(host.querySelector('.codemad-remembered button')).toBeNull();
});
