/* eslint-disable jupyter/no-untranslated-string -- names that are pointed at are data here */
import { MimeData } from '@lumino/coreutils';
import React from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Client } from '../src/client';
import type { Drops} from '../src/drops';
import { CELLS_MIME, decoded, FILES_MIME, OUTPUT_MIME } from '../src/drops';
import type { Mention } from '../src/protocol';
import type { Session } from '../src/session';
import { Composer } from '../src/views/composer';
import { drawPanel } from './panel';
import { TestServer } from './server';

const NAMES: Mention[] = [
  { kind: 'variable', name: 'df', label: 'df', detail: 'DataFrame 3 x 4' },
  { kind: 'file', name: 'data/my data.csv', label: 'my data.csv', detail: 'data' },
  { kind: 'file', name: 'a "b".csv', label: 'a "b".csv', detail: '' }
];

let server: TestServer;
let client: Client;
let session: Session;
let drops: Drops;
let host: HTMLElement;
let close: () => Promise<void>;

beforeEach(async () => {
  server = await TestServer.start();
  server.routes.mentions = { mentions: NAMES };
  const ref = { current: null };
  ({ client, session, drops, host, close } = drawPanel(server, <Composer focuser={ref} modelOpener={ref} />));
  client.connect();
  await session.open();
});

afterEach(async () => {
  await close();
});

function area(): HTMLTextAreaElement {
  return host.querySelector('textarea')!;
}

function options(): HTMLElement[] {
  return [...host.querySelectorAll<HTMLElement>('[role=option]')];
}

function write(text: string, isComposing = false): void {
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')?.set?.call(area(), text);
  area().dispatchEvent(new InputEvent('input', { bubbles: true, isComposing }));
}

function press(key: string, more: KeyboardEventInit = {}): void {
  area().dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));
}

async function opened(): Promise<void> {
  await vi.waitFor(() => {
    expect(options()).toHaveLength(3);
  });
}

test('the list is worked with keys, and says so to a screen reader', async () => {
  write('mean of @');
  await opened();
  expect(server.requests.filter(path => path.endsWith('/mentions'))).toHaveLength(1);
  const list = host.querySelector('[role=listbox]')!;
  expect(area().getAttribute('role')).toBe('combobox');
  expect(area().getAttribute('aria-controls')).toBe(list.id);
  expect(area().getAttribute('aria-activedescendant')).toBe(options()[0].id);
  expect(options().map(each => each.getAttribute('aria-selected'))).toEqual(['true', 'false', 'false']);
  for (const at of [2, 1]) {
    press('ArrowUp');
    await vi.waitFor(() => {
      expect(area().getAttribute('aria-activedescendant')).toBe(options()[at].id);
    });
  }
  press('Tab');
  await vi.waitFor(() => {
    expect(area().value).toBe('mean of @file:"data/my data.csv" ');
  });
  expect(options()).toEqual([]);
  expect(area().getAttribute('role')).toBeNull();
  expect(server.commands).toEqual([]); // nothing was sent
});

test('a name that cannot be written goes along beside the text', async () => {
  write('see @');
  await opened();
  options()[2].click();
  await vi.waitFor(() => {
    expect(area().value).toBe('see ');
  });
  expect(session.quotes.getSnapshot()).toEqual([{ kind: 'file', name: 'a "b".csv', label: 'a "b".csv' }]);
});

test('Escape closes the list and nothing else, until another name is begun', async () => {
  write('@');
  await opened();
  press('Escape');
  await vi.waitFor(() => {
    expect(options()).toEqual([]);
  });
  write('@d');
  await new Promise(resolve => setTimeout(resolve, 200));
  expect(options()).toEqual([]);
  write('@d @');
  await opened();
  expect(area().value).toBe('@d @');
});

test('nothing opens, and no key is taken, while a word is composed', async () => {
  write('@', true);
  await new Promise(resolve => setTimeout(resolve, 200));
  expect(options()).toEqual([]);
  area().dispatchEvent(new CompositionEvent('compositionend', { bubbles: true }));
  await opened();
  press('Enter', { isComposing: true });
  await new Promise(resolve => setTimeout(resolve, 50));
  expect(area().value).toBe('@');
  expect(options()).toHaveLength(3);
});

test('names that cannot be looked up are said to be so', async () => {
  delete server.routes.mentions;
  write('@');
  await vi.waitFor(() => {
    expect(host.querySelector('.codemad-mention-problem')?.textContent).toContain('could not be looked up');
  });
});

test('files of the browser go along, folders do not', async () => {
  Object.assign(server.files, { 'a.csv': 'file', folder: 'directory' });
  const mime = new MimeData();
  mime.setData(FILES_MIME, ['a.csv', 'folder', 'gone.csv']);
  expect(drops.holds(mime)).toBe(true);
  const { pieces, refused } = await drops.take(mime, null, []);
  expect(pieces).toEqual([{ kind: 'file', name: 'a.csv', label: 'a.csv' }]);
  expect(refused).toHaveLength(2);
  expect(refused[0]).toContain('folder is a folder');
  expect(refused[1]).toContain('could not be read');
});

test('a cell of no notebook here is refused', async () => {
  const mime = new MimeData();
  mime.setData(CELLS_MIME, [{ id: 'c1' }]);
  const { pieces, refused } = await drops.take(mime, null, []);
  expect(pieces).toEqual([]);
  expect(refused[0]).toContain('in no notebook');
});

test('a drag that only looks like an output of ours is refused', async () => {
  for (const content of ['no json', '{"notebook": "gone.ipynb", "cell": "c1"}']) {
    const data = { types: [OUTPUT_MIME], files: [], getData: () => content };
    const event = Object.assign(new Event('drop', { bubbles: true, cancelable: true }), { dataTransfer: data });
    host.querySelector('form')?.dispatchEvent(event);
    await vi.waitFor(() => {
      expect(host.querySelector('.codemad-refused')?.textContent).toContain(
        content.startsWith('{') ? 'gone.ipynb is not open' : 'JSON'
      );
    });
    expect(event.defaultPrevented).toBe(true);
  }
  expect(session.quotes.getSnapshot()).toEqual([]);
});

test('what is no text is told from what is', () => {
  const bytes = (...values: number[]): ArrayBuffer => new Uint8Array(values).buffer;
  expect(decoded(bytes(0x68, 0xc3, 0xa9))).toBe('hé');
  expect(decoded(bytes(0xff, 0xfe, 0x68, 0))).toBeNull();
  expect(decoded(bytes(0x68, 0))).toBeNull();
});

test('the mode is shown and chosen, what is refused says why, and the badge tells of the sandbox', async () => {
  const modes = [
    { name: 'ask', text: 'you are asked', refused: '' },
    { name: 'auto_edit', text: 'changes apply', refused: '' },
    { name: 'auto_sandboxed', text: 'more', refused: 'the sandbox here is limited' }
  ];
  const sandbox = { strength: 'limited', backend: 'landlock', reasons: ['bubblewrap is not installed'] };
  server.routes.status = { standing: { mode: 'ask', settled: 'ask', modes, sandbox, remedy: 'Install bubblewrap.' } };
  server.tell(log => log.tell({ type: 'mode_chosen', run: null, mode: 'ask', was: 'plan' }));
  client.connect();
  await vi.waitFor(() => {
    expect(host.querySelector('.codemad-modes')?.textContent).toBe('Ask each time (ask)');
  });
  const badge = host.querySelector<HTMLElement>('.codemad-sandbox-limited');
  badge?.click();
  host.querySelector<HTMLElement>('.codemad-modes button')?.click();
  await vi.waitFor(() => {
    expect(host.querySelector('[role=note]')?.textContent).toContain('bubblewrap is not installedInstall bubblewrap.');
    expect(host.querySelectorAll('[role=menuitemradio]')).toHaveLength(3);
  });
  const [, edits, boxed] = host.querySelectorAll<HTMLElement>('[role=menuitemradio]');
  expect(boxed.textContent).toContain('Refused here: the sandbox here is limited');
  boxed.click();
  edits.click();
  await vi.waitFor(() => {
    expect(server.commands.filter(each => each.type === 'choose_mode')).toEqual([
      { type: 'choose_mode', session: 's1', mode: 'auto_edit' }
    ]);
  });
});
