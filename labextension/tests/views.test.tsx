/** The conversation as it is drawn, in one file: its tests share the panel, its session and a scripted server. */
import { EditorLanguageRegistry } from '@jupyterlab/codemirror';
import { RenderMimeRegistry } from '@jupyterlab/rendermime';
import { ContentsManager } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import React from 'react';
import type { Root } from 'react-dom/client';
import { createRoot } from 'react-dom/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Access } from '../src/access';
import { Branches } from '../src/branches';
import { Client } from '../src/client';
import { Drops } from '../src/drops';
import { OpenNotebooks } from '../src/notebook/documents';
import { Pages } from '../src/pages';
import { PROMPT_LIMIT } from '../src/problems';
import type { Mention, Trial } from '../src/protocol';
import { Requests } from '../src/requests';
import { Session } from '../src/session';
import { Sharing } from '../src/sharing';
import { Composer } from '../src/views/composer';
import { PagesContext, PanelContext } from '../src/views/context';
import { examplesFor, tableIn } from '../src/views/empty';
import { Header } from '../src/views/header';
import { Transcript } from '../src/views/transcript';
import type { Log } from './events';
import { cellEdit, hunk } from './events';
import { button } from './seen';
import { MODEL, TestServer } from './server';

let server: TestServer;
let client: Client;
let session: Session;
let host: HTMLElement;
let root: Root;
let pages: Pages;

beforeEach(async () => {
  server = await TestServer.start();
  client = new Client(server.settings);
  const contents = new ContentsManager({ serverSettings: server.settings });
  const notebooks = new OpenNotebooks(null, contents);
  session = new Session(client, () => notebooks.target);
  client.connect();
  const trans = nullTranslator.load('codemad_jupyter');
  const languages = new EditorLanguageRegistry();
  const requests = new Requests(client, session, () => notebooks.target);
  const branches = new Branches(client, session, () => notebooks.target);
  pages = new Pages();
  const drops = new Drops(notebooks, contents, trans);
  const access = new Access(client);
  const sharing = new Sharing(client, session);
  const context = { session, sharing, requests, branches, access, drops, pages, notebooks, rendermime: new RenderMimeRegistry(), languages, trans };
  host = document.body.appendChild(document.createElement('div'));
  root = createRoot(host);
  const ref = { current: null };
    root.render(
      <PanelContext.Provider value={context}><PagesContext.Provider value={context}>
        <Header />
        <Transcript openModels={() => undefined} />
        <Composer focuser={ref} modelOpener={ref} />
      </PagesContext.Provider></PanelContext.Provider>
    );
  await session.open();
  await settled(() => {
    expect(session.getSnapshot().phase).toBe('ready');
  });
});

afterEach(async () => {
  root.unmount();
  host.remove();
  client.dispose();
  await server.stop();
});

async function settled(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 5000, interval: 10 });
}

async function told(add: (log: Log) => void): Promise<void> {
  server.tell(add);
  await settled(() => {
    expect(session.getSnapshot().transcript.seq).toBe(server.log.events.length);
  });
  await drawn();
}

function area(): HTMLTextAreaElement {
  const found = host.querySelector('textarea');
  if (!found) {
    throw new Error('no text area');
  }
  return found;
}

async function write(text: string): Promise<void> {
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')?.set?.call(area(), text);
  area().dispatchEvent(new Event('input', { bubbles: true }));
  await drawn();
}

async function press(node: Element | null, key: string, more: KeyboardEventInit = {}): Promise<void> {
  node?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));
  await drawn();
}

async function click(name: string): Promise<void> {
  button(name).click();
  await drawn();
}

/** React draws in a task of its own. */
async function drawn(): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 20));
}

test('a proposal shows the problems it would bring, as plain text', async () => {
  const base = { path: 'a.ipynb', column: 1, code: 'F821', server: 'ruff', unused: false } as const;
  const problems = [
    { ...base, cell: 'c1', line: 2, severity: 'error' as const, text: 'Undefined name <b>`x`</b>' },
    { ...base, cell: 'other', line: 7, severity: 'warning' as const, text: 'odd' },
    ...Array.from({ length: 6 }, () => ({ ...base, cell: 'c1', line: 3, severity: 'warning' as const, text: 'w' }))
  ];
  const diagnosis = { problems, more: 1, servers: ['ruff'], detail: '' };
  await told(log =>
    log
      .start()
      .tell({ type: 'edit_proposed', edit: cellEdit('e1', { cell: 'c1' }) })
      .tell({ type: 'edit_diagnosed', edit: 'e1', diagnosis })
  );
  const shown = [...host.querySelectorAll('.codemad-problems li')].map(each => each.textContent);
  expect(shown[0]).toBe('Error line 2: Undefined name <b>`x`</b>');
  expect(shown[1]).toBe('Warning another cell, line 7: odd');
  expect(shown).toHaveLength(6);
  expect(shown[5]).toBe('and 4 more');
});

test('an empty session without a notebook says so, who answers, and offers what works without one', async () => {
  expect(host.textContent).toContain('Built-in assistant, no key needed.');
  expect(host.textContent).toContain('Open a notebook');
  expect(host.querySelectorAll('.codemad-example')).toHaveLength(1);
  await click('/help');
  await settled(() => {
    expect(server.commands).toMatchObject([{ type: 'prompt', text: '/help' }]);
  });
});

test('the examples are about a table that is there, and about none where there is none', () => {
  const trans = nullTranslator.load('codemad_jupyter');
  const known = (name: string, detail: string): Mention => ({ kind: 'variable', name, label: name, detail });
  const others = [known('x', 'int'), { ...known('DataFrame', 'code'), kind: 'cell' as const }];
  expect(examplesFor(tableIn([...others, known('sales', 'pandas.DataFrame 3 x 2')]), trans)).toEqual([
    'describe sales',
    'are there missing values in sales?',
    'show the correlations of sales'
  ]);
  expect(examplesFor(tableIn(others), trans)).toEqual(['what do I have?', 'explain cell 1', '/help']);
});

test('Enter sends, Shift+Enter and an unfinished composition do not', async () => {
  await write('hello');
  await press(area(), 'Enter', { shiftKey: true });
  await press(area(), 'Enter', { isComposing: true });
  expect(area().value).toBe('hello');

  await press(area(), 'Enter');
  expect(area().value).toBe('');
  await settled(() => {
    expect(server.commands).toMatchObject([{ type: 'prompt', text: 'hello' }]);
  });
});

test('a refused prompt stands in the text again', async () => {
  server.answer = () => ({ status: 400, body: { error: { code: 'usage', message: 'No.', hint: '' } } });
  await write('keep me');
  await press(area(), 'Enter');
  await settled(() => {
    expect(area().value).toBe('keep me');
  });
});

test('a prompt that is too long cannot be sent and says why', async () => {
  await write('x'.repeat(PROMPT_LIMIT + 1));
  expect(button('Send').disabled).toBe(true);
  expect(host.querySelector('[role=alert]')?.textContent).toContain('1,000,001 characters');
});

test('a running answer can be stopped', async () => {
  await told(log => log.start());
  await click('Stop');
  await settled(() => {
    expect(server.commands).toEqual([{ type: 'cancel', session: 's1', run: 'r1' }]);
  });
});

test('an edit of several hunks is settled as a whole or hunk by hunk', async () => {
  const edit = cellEdit('e1', {}, { hunks: [hunk(0, ['a\n'], ['b\n']), hunk(1, ['c\n'], ['d\n'])] });
  await told(log => log.start().tell({ type: 'edit_proposed', edit }).finish());
  await click('Accept the change at line 11');
  await click('Reject all changes');
  await settled(() => {
    expect(server.commands).toMatchObject([
      { type: 'accept_edit', edit: 'e1', hunks: [1], execute: false },
      { type: 'reject_edit', edit: 'e1', hunks: null }
    ]);
  });
});

test('the model menu leads to the keys, before the models that lack one', async () => {
  server.models = [MODEL, { ...MODEL, name: 'anthropic/claude', provider: 'anthropic', ready: false }];
  await click('Model: Built-in assistant');
  const entries = (): HTMLElement[] => [...host.querySelectorAll<HTMLElement>('[role^=menuitem]')];
  await settled(() => {
    expect(entries()).toHaveLength(4);
  });
  const [builtIn, keys, lacking] = entries();
  expect([builtIn, keys, lacking].map(each => each.textContent)).toEqual([
    expect.stringContaining('Built-in'),
    expect.stringContaining('Set a key…'),
    expect.stringContaining('claude')
  ]);
  keys.click();
  expect(pages.getPage()).toBe('keys');
});

test('once a change of an edit is rejected, the buttons speak of the rest', async () => {
  const edit = cellEdit('e1', {}, { hunks: [hunk(0, ['a\n'], ['b\n']), hunk(1, ['c\n'], ['d\n'])] });
  await told(log => log.start().tell({ type: 'edit_proposed', edit }).finish());
  await told(log => log.tell({ type: 'edit_settled', edit: 'e1', hunks: { 0: 'rejected' }, status: 'pending', detail: '' }));
  expect(button('Accept the rest')).toBeTruthy();
  expect(button('Reject the rest')).toBeTruthy();
});

test('what a checker finds in code that ran is a warning; what ruff finds stays what it is', async () => {
  const base = { path: 'a.ipynb', cell: 'c1', column: 1, unused: false, severity: 'error' as const };
  const problems = [
    { ...base, line: 1, code: 'no-matching-overload', server: 'ty', text: 'No overload matches' },
    { ...base, line: 2, code: 'F821', server: 'ruff', text: 'Undefined name' }
  ];
  const diagnosis = { problems, more: 0, servers: ['ty', 'ruff'], detail: '' };
  const trial: Trial = { status: 'passed', method: 'fork', detail: '', seconds: 1, outputs: [], receipt: null, replayed: [] };
  const shown = (): string[] =>
    [...host.querySelectorAll('.codemad-problem-kind')].map(each => each.textContent);
  await told(log =>
    log
      .start()
      .tell({ type: 'edit_proposed', edit: cellEdit('e1', { cell: 'c1' }) })
      .tell({ type: 'edit_diagnosed', edit: 'e1', diagnosis })
  );
  expect(shown()).toEqual(['Error', 'Error']);
  await told(log => log.tell({ type: 'edit_tried', edit: 'e1', trial }));
  expect(shown()).toEqual(['Warning', 'Error']);
});

test('only code cells that will stand there are run on accepting', async () => {
  await told(log => log.start().tell({ type: 'edit_proposed', edit: cellEdit('e1', { op: 'delete' }) }));
  expect(() => button('Accept and run')).toThrow();
  await told(log => log.tell({ type: 'edit_proposed', edit: cellEdit('e2') }));
  await click('Accept and run');
  await settled(() => {
    expect(server.commands).toMatchObject([{ type: 'accept_edit', edit: 'e2', execute: true }]);
  });
});

test('a settled edit is small and offers the way back; an undone one the way forth', async () => {
  await told(log =>
    log
      .start()
      .tell({ type: 'edit_proposed', edit: cellEdit('e1') })
      .finish()
      .tell({ type: 'checkpoint_made', checkpoint: 'k', reason: 'run' })
      .tell({ type: 'edit_settled', edit: 'e1', status: 'accepted', hunks: { 0: 'accepted' } })
  );
  expect(() => button('Accept')).toThrow();
  expect(host.querySelector('.codemad-diff')).toBeNull();
  await click('Show the change');
  expect(host.querySelector('.codemad-diff')).not.toBeNull();
  await click('Undo');

  await told(log =>
    log.tell({ type: 'restored', run: null, kind: 'undo', runs: ['r1'], files: [], cells: ['c1'], merged: [], conflicts: ['c2'] })
  );
  expect(host.textContent).toContain('Left as you changed it: c2');
  await click('Redo');
  await settled(() => {
    expect(server.commands.map(command => command.type)).toEqual(['undo', 'redo']);
  });
});

/** A question about which no rule says anything. */
const UNRULED = { axis: null, commands: [], rule: '', keepable: false, expires: 0 };

test('an approval shows exactly what will be done, and disappears with its answer', async () => {
  await told(log =>
    log
      .start()
      .tell({ type: 'approval_asked', approval: 'a1', call: 't', tool: 'run_code', action: 'rm\u202e()', reason: 'why', digest: 'd1', ...UNRULED })
  );
  expect(host.querySelector('.codemad-action')?.textContent).toBe('rm\\u202e()');
  expect(() => button('Always this exact action')).toThrow();
  await click('Allow once');
  await told(log => log.tell({ type: 'approval_settled', approval: 'a1', decision: 'approved', reason: '' }));
  expect(() => button('Allow once')).toThrow();
  expect(host.textContent).toContain('allowed');
  expect(server.commands.at(-1)).toMatchObject({ type: 'approve', approval: 'a1', digest: 'd1', always: false });
});

test('a command line is shown whole with its commands, and exactly it can be allowed for good', async () => {
  const action = `git status && make ${'x'.repeat(30_000)}end`;
  const facts = { axis: 'shell' as const, commands: ['git status', 'make'], rule: 'mode ask: no rule allows it', keepable: true };
  const asked = { approval: 'a1', call: 't', tool: 'run_command', action, reason: 'why', digest: 'd1' };
  await told(log => log.start().tell({ type: 'approval_asked', ...asked, ...facts, expires: 1_000 }));
  expect(host.querySelector('.codemad-action')?.textContent).toBe(action);
  expect([...host.querySelectorAll('.codemad-approval-commands li')].map(node => node.textContent)).toEqual(['git status', 'make']);
  expect(host.textContent).toContain('mode ask: no rule allows it');
  await click('Always this exact action');
  await settled(() => {
    expect(server.commands.at(-1)).toMatchObject({ type: 'approve', digest: 'd1', always: true });
  });
  await told(log => log.tell({ type: 'approval_settled', approval: 'a1', decision: 'approved', reason: 'always' }));
  expect(host.textContent).toContain('always allowed');
});

test('a question whose process has ended says so and has no answer any more', async () => {
  const asked = { approval: 'a1', call: 't', tool: 'run_code', action: 'x', reason: 'why', digest: 'd1', ...UNRULED };
  await told(log => log.start().tell({ type: 'approval_asked', ...asked }));
  await told(log => log.tell({ type: 'approval_settled', approval: 'a1', decision: 'expired', reason: 'It has ended.' }));
  expect(() => button('Refuse')).toThrow();
  expect(host.textContent).toContain('It has ended.');
});

test('a cost that nobody knows is not shown as nothing', async () => {
  await told(log => log.start().finish().start('r2').finish('r2'));
  const costs = (): string[] => [...host.querySelectorAll('.codemad-footer-facts')].map(node => node.textContent.replaceAll('\u00a0', ' '));
  expect(costs()).toEqual(['15 tokens · no cost · 1.0 s', '15 tokens · no cost · 1.0 s']);
  const usage = { input_tokens: 1, output_tokens: 1, cache_read_tokens: 0, cache_write_tokens: 0 };
  await told(log =>
    log.start('r3').tell({ type: 'run_finished', run: 'r3', status: 'done', text: '', usage, cost: null, seconds: 70 })
  );
  expect(costs()[2]).toBe('2 tokens · cost unknown · 1 min 10 s');
});

test('names and titles from outside are text and nothing else', async () => {
  const evil = '<img src=x onerror=alert(1)>';
  await told(log =>
    log
      .tell({ type: 'session_changed', run: null, title: evil, model: evil })
      .start('r1', evil)
      .tell({ type: 'tool_called', call: 't', tool: evil, arguments: { [evil]: evil }, risk: 'read' })
      .tell({ type: 'tool_done', call: 't', tool: evil, status: 'ok', summary: evil, content: evil, seconds: 0 })
      .tell({ type: 'edit_proposed', edit: cellEdit('e1', { notebook: evil, cell: evil }, { title: evil }) })
      .tell({ type: 'notice', level: 'error', code: evil, text: evil })
  );
  expect(host.querySelector('img')).toBeNull();
  expect(host.textContent.split(evil).length).toBeGreaterThan(5);
});

test('the session menu is worked with keys', async () => {
  const opener = button('Session: New session');
  await click('Session: New session');
  expect(opener.getAttribute('aria-expanded')).toBe('true');
  const items = [...host.querySelectorAll<HTMLElement>('[role^=menuitem]')];
  expect(items.map(item => item.getAttribute('role'))).toEqual(['menuitem', 'menuitemradio']);
  expect(document.activeElement).toBe(items[1]);
  await press(document.activeElement, 'ArrowDown');
  expect(document.activeElement).toBe(items[0]);
  await press(document.activeElement, 'End');
  expect(document.activeElement).toBe(items[1]);
  await press(document.activeElement, 'Escape');
  expect(host.querySelector('[role=menu]')).toBeNull();
  expect(document.activeElement).toBe(opener);
});
