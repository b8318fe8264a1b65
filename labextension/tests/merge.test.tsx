import { EditorLanguageRegistry } from '@jupyterlab/codemirror';
import { RenderMimeRegistry } from '@jupyterlab/rendermime';
import { ContentsManager } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import React from 'react';
import type { Root } from 'react-dom/client';
import { createRoot } from 'react-dom/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Client } from '../src/client';
import { addedPieces, hasMarkers, openOf, piecesOf, takeAll } from '../src/merging';
import { OpenNotebooks } from '../src/notebook/documents';
import type { MergeConflict, MergeView } from '../src/protocol';
import { Requests } from '../src/requests';
import { Session } from '../src/session';
import { PanelContext } from '../src/views/context';
import { Merge } from '../src/views/merge';
import { NO_USAGE } from './events';
import { button, shows } from './seen';
import { TestServer } from './server';

const CONFLICT: MergeConflict = {
  number: 1,
  cell: 'a',
  part: 'source',
  base: 'x = 1',
  ours: 'x = 2',
  theirs: 'x = 3',
  both: false
};

const VIEW: MergeView = {
  notebook: 'work/m.ipynb',
  digest: 'd1',
  origin: 'git',
  conflicts: [
    CONFLICT,
    { ...CONFLICT, number: 2, cell: null, part: 'cells', base: '', ours: 'new = 1', theirs: '', both: true }
  ],
  settled: 3,
  ours_name: 'main',
  theirs_name: 'feature\u202e/x'
};

// jsdom draws nothing, so there is nothing to scroll.
Element.prototype.scrollIntoView = () => undefined;

let server: TestServer;
let client: Client;
let host: HTMLElement;
let root: Root;
let draw: (asked: number) => void;
const told: string[] = [];

beforeEach(async () => {
  server = await TestServer.start();
  client = new Client(server.settings);
  const contents = new ContentsManager({ serverSettings: server.settings });
  const notebooks = new OpenNotebooks(null, contents);
  const session = new Session(client, () => notebooks.target);
  client.connect();
  const context = {
    session,
    notebooks,
    rendermime: new RenderMimeRegistry(),
    languages: new EditorLanguageRegistry(),
    trans: nullTranslator.load('codemad_jupyter')
  };
  const requests = new Requests(client, session, () => notebooks.target);
  host = document.body.appendChild(document.createElement('div'));
  root = createRoot(host);
  told.length = 0;
  draw = asked => {
    root.render(
      <PanelContext.Provider value={context}>
        <Merge
          notebook="work/m.ipynb"
          requests={requests}
          asked={asked}
          onMerged={() => told.push('merged')}
          onUndone={() => told.push('undone')}
          openNotebook={() => told.push('open')}
        />
      </PanelContext.Provider>
    );
  };
  server.routes.merge = VIEW;
  await session.open();
});

afterEach(async () => {
  root.unmount();
  host.remove();
  client.dispose();
  await server.stop();
});

function radio(conflict: number, name: string): HTMLInputElement {
  const group = host.querySelector(`[data-codemad-conflict="${conflict}"]`);
  const label = [...(group?.querySelectorAll('label') ?? [])].find(each => each.textContent === name);
  const input = label?.querySelector('input');
  if (!input) {
    throw new Error(`no ${name} in ${group?.textContent}`);
  }
  return input;
}

/** Choose a side for both conflicts and write. */
async function write(): Promise<void> {
  draw(0);
  await shows('0 of 2 chosen');
  button('Ours (main)').click();
  await shows('2 of 2 chosen');
  radio(2, 'Both, ours first').click();
  await vi.waitFor(() => {
    expect(radio(2, 'Both, ours first').checked).toBe(true);
  });
  button('Write the merged notebook').click();
  await vi.waitFor(() => {
    expect(server.commands).toHaveLength(1);
  });
}

test('each conflict shows its three sides, and nothing is sent before all are chosen', async () => {
  draw(0);
  await shows('Both sides changed 2 places: choose what stays. 3 changes merge by themselves.');
  expect(host.querySelectorAll('fieldset')).toHaveLength(2);
  expect(host.querySelector('.codemad-side-theirs mark')?.textContent).toBe('3');
  expect(host.querySelector('legend')?.textContent).toContain('Source of cell a');
  expect(host.textContent).toContain('Theirs (feature\\u202e/x)');
  expect(host.textContent).toContain('No cell here');
  expect(() => radio(1, 'Both, ours first')).toThrow();
  radio(1, 'Theirs (feature\\u202e/x)').click();
  await shows('1 of 2 chosen');
  expect(button('Write the merged notebook').disabled).toBe(true);
  button('Next open conflict').click();
  expect(document.activeElement).toBe(radio(2, 'Base (before both)'));
  expect(server.commands).toEqual([]);
});

test('the choices are written, and what became of it is told', async () => {
  await write();
  expect(server.commands).toEqual([
    {
      type: 'resolve_merge',
      session: 's1',
      notebook: 'work/m.ipynb',
      digest: 'd1',
      choices: { 1: 'ours', 2: 'both' },
      edge: 'sidebar'
    }
  ]);
  expect(told).toEqual([]);
  server.tell(log => log.start('r1', 'Resolve').finish());
  await shows('The merged notebook is written.');
  expect(told).toEqual(['merged']);
  button('Open the notebook').click();
  button('Undo').click();
  await vi.waitFor(() => {
    expect(server.commands.at(-1)).toEqual({ type: 'undo', session: 's1', run: 'r1' });
  });
  server.tell(log =>
    log.tell({ type: 'restored', kind: 'undo', runs: ['r1'], files: ['work/m.ipynb'], cells: [], merged: [], conflicts: [] })
  );
  await shows('2 of 2 chosen');
  expect(told).toEqual(['merged', 'open', 'undone']);
});

test('a refusal and a failed run are told, and the choices stay', async () => {
  server.answer = () => ({
    status: 409,
    body: { error: { code: 'stale_edit', message: 'work/m.ipynb was changed meanwhile.', hint: 'Look again.' } }
  });
  await write();
  await shows('work/m.ipynb was changed meanwhile. Look again.');
  expect(radio(1, 'Ours (main)').checked).toBe(true);
  server.answer = () => ({ body: { session: 's1', run: 'r1', seq: 0 } });
  button('Write the merged notebook').click();
  await vi.waitFor(() => {
    expect(server.commands).toHaveLength(2);
  });
  server.tell(log => log
      .start('r1', 'Resolve')
      .tell({ type: 'run_finished', run: 'r1', status: 'failed', text: 'No space is left.', usage: NO_USAGE, cost: 0, seconds: 1 }));
  await shows('No space is left.');
  expect(told).toEqual([]);
  server.routes.merge = { ...VIEW, digest: 'd2' };
  button('Look again').click();
  await shows('0 of 2 chosen');
});

test('a notebook without a conflict says so', async () => {
  delete server.routes.merge;
  draw(0);
  await shows('The CodeMAD server extension does not answer.');
  server.routes.merge = VIEW;
  draw(1);
  await shows('0 of 2 chosen');
  expect(host.querySelector('[role="alert"]')).toBeNull();
});

test('sides are taken only where they can be', () => {
  expect(takeAll(VIEW, 'both', { 1: 'theirs' })).toEqual({ 1: 'theirs', 2: 'both' });
  expect(openOf(VIEW, { 2: 'base' }).map(({ number }) => number)).toEqual([1]);
});

test('markers are markers at both ends, at the beginning of lines', () => {
  expect(hasMarkers('{\n<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> b\n}')).toBe(true);
  expect(hasMarkers('{\r\n<<<<<<<\r\n=======\r\n>>>>>>>\r\n}')).toBe(true);
  expect(hasMarkers('{"source": "<<<<<<< HEAD\\n>>>>>>> b"}')).toBe(false);
  expect(hasMarkers('<<<<<<< HEAD\n')).toBe(false);
});

test('pieces make up the text', () => {
  expect(piecesOf('x = 1\ny = 2', 'x = 1\ny = 3')).toEqual([
    { text: 'x = 1\ny = ', changed: false },
    { text: '3', changed: true }
  ]);
  expect(piecesOf('', 'new')).toEqual([{ text: 'new', changed: false }]);
  expect(piecesOf('old', '')).toEqual([]);
  expect(addedPieces('rows = load(2020)', 'rows = load(2024)').filter(piece => piece.changed)).toEqual([
    { text: '4', changed: true }
  ]);
  expect(addedPieces('assert x.ok', 'x.groupby(y)')).toEqual([{ text: 'x.groupby(y)', changed: false }]);
});
