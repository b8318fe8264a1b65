/* eslint-disable jupyter/no-untranslated-string -- what the server answers is data here */
/** The pages beside the conversation: the timeline, and what is sent; and what a run tells of the notebook. */
import React from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Client } from '../src/client';
import type { Pages } from '../src/pages';
import type { CheckpointInfo, ContextPreview, Verification } from '../src/protocol';
import type { Session } from '../src/session';
import { Header } from '../src/views/header';
import { Preview } from '../src/views/preview';
import { Timeline } from '../src/views/timeline';
import { Transcript } from '../src/views/transcript';
import type { Log } from './events';
import { drawPanel } from './panel';
import { accepted, button, shows } from './seen';
import { TestServer } from './server';

let server: TestServer;
let client: Client;
let session: Session;
let pages: Pages;
let host: HTMLElement;
let close: () => Promise<void>;

const POINT: CheckpointInfo = {
  id: 'k1',
  session: 's1',
  run: 'r1',
  reason: 'run',
  name: '',
  title: 'plot it',
  made: 1_700_000_000,
  files: 12,
  notebooks: ['a.ipynb'],
  size: 10,
  covered: true,
  skipped: [],
  undone: false
};

const PREVIEW: ContextPreview = {
  model: 'anthropic/claude-x',
  level: 'outputs',
  parts: [
    { name: 'instructions', text: 'You are…', tokens: 100, truncated: false, masked: 0, left_out: [] },
    { name: 'kernel', text: 'key = <masked>', tokens: 50, truncated: true, masked: 2, left_out: ['df', 'x'] }
  ],
  tokens: 150,
  window: 1000,
  images: 0,
  leaves: true
};

function Shown(): React.JSX.Element {
  const page = React.useSyncExternalStore(pages.subscribe, pages.getPage);
  return (
    <>
      <Header />
      {page === 'timeline' && <Timeline />}
      {page === 'context' && <Preview />}
      <Transcript openModels={() => undefined} />
    </>
  );
}

beforeEach(async () => {
  server = await TestServer.start();
  ({ client, session, pages, host, close } = drawPanel(server, <Shown />));
  client.connect();
  await session.open();
  await vi.waitFor(() => {
    expect(session.getSnapshot().phase).toBe('ready');
  });
});

afterEach(async () => {
  await close();
});

async function told(add: (log: Log) => void): Promise<void> {
  server.tell(add);
  const seq = server.log.events.length;
  await vi.waitFor(() => {
    expect(session.getSnapshot().transcript.seq).toBe(seq);
  });
}

test('the timeline lists checkpoints, newest first, and what changed since', async () => {
  server.routes.checkpoints = {
    checkpoints: [POINT, { ...POINT, id: 'k2', name: 'Before the exam', files: 1, notebooks: [] }]
  };
  server.routes['checkpoints/diff'] = {
    old: 'k2',
    new: null,
    truncated: false,
    differences: [
      { path: 'a.ipynb', cell: 'c1', status: 'changed', diff: '@@ -1 +1 @@\n-x = 1\n+x = 2', detail: '' },
      { path: 'data.bin', cell: null, status: 'added', diff: '', detail: 'binary, 3 kB' }
    ]
  };
  button('Timeline').click();
  await shows('Before the exam');
  const names = [...host.querySelectorAll('.codemad-point-name')].map(each => each.textContent);
  expect(names).toEqual(['Before the exam', 'Before “plot it”']);
  expect(host.textContent).toContain('12 files, a.ipynb');
  button('Changes since').click();
  await shows('a.ipynb, cell c1');
  expect(host.querySelector('.codemad-udiff-added')?.textContent).toBe('+x = 2');
  expect(host.textContent).toContain('binary, 3 kB');
  expect(button('Timeline').getAttribute('aria-pressed')).toBe('true');
});

test('restoring asks first, then gives the command', async () => {
  server.routes.checkpoints = { checkpoints: [POINT] };
  button('Timeline').click();
  await shows('plot it');
  button('Restore').click();
  await vi.waitFor(() => {
    expect(document.querySelector('.jp-Dialog')).not.toBeNull();
  });
  expect(server.commands).toEqual([]);
  await accepted();
  await vi.waitFor(() => {
    expect(server.commands).toEqual([{ type: 'restore_checkpoint', session: 's1', checkpoint: 'k1' }]);
  });
});

test('the list is asked again after a change', async () => {
  server.routes.checkpoints = { checkpoints: [] };
  button('Timeline').click();
  await shows('There is none yet.');
  server.routes.checkpoints = { checkpoints: [POINT] };
  await told(log => log.start().tell({ type: 'checkpoint_made', checkpoint: 'k1', reason: 'run' }));
  await shows('Before “plot it”');
});

test('what goes along with the message is in the preview', async () => {
  server.routes.preview = PREVIEW;
  button('What is sent').click();
  await shows('Goes to claude-x.');
  session.quotes.add({ kind: 'file', name: 'a.csv', label: 'a.csv' });
  await vi.waitFor(
    () => {
      expect(server.sent.preview).toMatchObject({ attachments: [{ kind: 'file', name: 'a.csv' }] });
    },
    { timeout: 5000 }
  );
});

test('what is sent is shown part by part, with masked secrets and the level of data', async () => {
  server.routes.preview = PREVIEW;
  button('What is sent').click();
  await shows('Goes to claude-x.');
  expect(host.textContent).toContain('150 of 1,000 tokens');
  expect(host.textContent).toContain('2 secrets are masked.');
  expect(host.textContent).not.toContain('key = ');
  host.querySelectorAll<HTMLButtonElement>('.codemad-part-head')[1].click();
  await shows('key = <masked>');
  expect(host.textContent).toContain('Cut or left out to fit the window: df, x');
  button('Data level: up to outputs').click();
  await vi.waitFor(() => {
    expect(document.querySelector('.codemad-menu-item')).not.toBeNull();
  });
  [...host.querySelectorAll<HTMLElement>('.codemad-menu-item')]
    .find(each => each.textContent.includes('Names and types'))
    ?.click();
  await vi.waitFor(() => {
    expect(server.commands).toEqual([
      { type: 'choose_data_level', session: 's1', level: 'schema', notebook: null }
    ]);
  });
});

test('the state of the search index is told, and asked for again while it is built', async () => {
  const status = {
    state: 'reading',
    done: 30,
    total: 90,
    files: 1,
    chunks: 200,
    lacking: 0,
    left_out: [{ reason: 'too large', count: 2 }],
    fault: '',
    notice: 'Search goes by words.'
  };
  server.routes.preview = PREVIEW;
  server.routes.index = status;
  button('What is sent').click();
  await shows('1 file indexed so far; reading files 30 of 90.');
  expect(host.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow')).toBe('33');
  expect(host.textContent).toContain('Search goes by words.');
  expect(host.querySelector('.codemad-index details')?.textContent).toBe('2 files are left out2 too large');
  server.routes.index = { ...status, state: 'ready', files: 90, lacking: 1, fault: 'The model is broken.' };
  await shows('The model is broken.90 files indexed, all there are. 1 place is found by its words only.');
  expect(host.querySelector('[role=progressbar]')).toBeNull();
});

test('the messages so far are one part, each under who said it', async () => {
  const said = (name: string, text: string) => ({
    name,
    text,
    tokens: 5,
    truncated: false,
    masked: 1,
    left_out: []
  });
  server.routes.preview = {
    ...PREVIEW,
    parts: [PREVIEW.parts[0], said('history 1: user', 'plot it'), said('history 2: assistant', 'Done.')]
  };
  button('What is sent').click();
  await shows('Conversation so far');
  const heads = [...host.querySelectorAll<HTMLButtonElement>('.codemad-part-head')];
  expect(heads.map(each => each.textContent)).toEqual(['Instructions100', 'Conversation so far2 masked10']);
  heads[1].click();
  await shows('2 · The model\nDone.');
  expect(host.textContent).toContain('1 · You\nplot it');
});

test('a page says what went wrong', async () => {
  button('Timeline').click();
  await shows('The CodeMAD server extension does not answer.');
  button('Back to the conversation').click();
  await vi.waitFor(() => {
    expect(host.querySelector('.codemad-page')).toBeNull();
  });
});

test('a verification names the cells that do not repeat', async () => {
  const report: Verification = {
    notebook: 'work/a.ipynb',
    same: false,
    cells: [
      { cell: 'c1', number: 1, status: 'same', detail: '', diff: '', seconds: 0 },
      { cell: 'c2', number: 2, status: 'differs', detail: '', diff: '-1\n+2', seconds: 0 },
      { cell: 'c3', number: 3, status: 'failed', detail: 'NameError: x', diff: '', seconds: 0 }
    ],
    missing: [],
    notes: [],
    out_of_order: ['c1'],
    seconds: 2
  };
  await told(log => log.start('r1', 'Verify a.ipynb').tell({ type: 'verified', report }).finish());
  await shows('2 of 3 cells do not repeat');
  expect(host.textContent).toContain('1 as stored · out of order: cell 1');
  expect(host.textContent).toContain('Cell 3 NameError: x');
  expect(host.querySelector('.codemad-udiff-removed')?.textContent).toBe('-1');
});

test('what happened to the kernel and to commits is told in the run', async () => {
  await told(log =>
    log
      .start()
      .tell({ type: 'kernel_changed', state: 'died', notebook: 'a.ipynb', text: 'The kernel died.', lost: ['df'] })
      .tell({ type: 'committed', commit: '0123456789abcdef', message: 'Plot it\n\nmore', files: ['a.py'] })
      .tell({ type: 'compacted', until: 'e4', text: 'Goal: …', level: 'outputs', model: 'm/x', turns: 2 })
  );
  await shows('The kernel died.');
  expect(host.textContent).toContain('Committed as 0123456789: Plot it');
  expect(host.textContent).toContain('The first 2 turns of this conversation are now sent as a summary');
});
