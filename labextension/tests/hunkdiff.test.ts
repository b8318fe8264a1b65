 
import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, expect, test, vi } from 'vitest';

import type { Edit, Hunk } from '../src/protocol';
import { placesOf } from '../src/proposals';
import type { IHunkActions } from '../src/views/hunkdiff';
import { clearHunks, markText, showHunks } from '../src/views/hunkdiff';
import { cellEdit } from './events';

const trans = nullTranslator.load('codemad_jupyter');
const BEFORE = 'a = 1\nb = 2\nc = 3\n';
const HUNKS: Hunk[] = [
  { id: 0, start: 0, old: ['a = 1\n'], new: ['a = 10\n'], status: 'pending' },
  { id: 1, start: 2, old: ['c = 3\n'], new: [], status: 'pending' },
  { id: 2, start: 3, old: [], new: ['d = 4\n'], status: 'pending' }
];
let view: EditorView | null = null;

afterEach(() => {
  view?.destroy();
  document.body.replaceChildren();
});

function show(edit: Edit, actions: Partial<IHunkActions> = {}): EditorView {
  const { text, places } = placesOf(edit);
  view = new EditorView({ parent: document.body, state: EditorState.create({ doc: text }) });
  showHunks(view, places, { trans, highlight: () => undefined, ...actions });
  return view;
}

function texts(selector: string): string[] {
  return [...document.querySelectorAll(selector)].map(each => each.textContent);
}

test('removed lines are marked, new ones stand below them, and the document is left as it is', () => {
  const shown = show(cellEdit('e', {}, { before: BEFORE, hunks: HUNKS }));
  expect(texts('.codemad-line-removed')).toEqual(['a = 1', 'c = 3']);
  expect(texts('.codemad-hunk-lines')).toEqual(['a = 10', 'd = 4']);
  expect(texts('.codemad-text-added')).toEqual(['0']);
  expect(shown.state.doc.toString()).toBe(BEFORE);
  const labels = [...document.querySelectorAll('.codemad-hunk-block')].map(each => each.getAttribute('aria-label'));
  expect(labels[0]).toBe('Proposed change at line 1');
  clearHunks(shown);
  expect(texts('.codemad-hunk-block, .codemad-line-removed')).toEqual([]);
});

test('each part has buttons that settle it alone; a whole has none', async () => {
  const accept = vi.fn(() => Promise.resolve());
  const reject = vi.fn(() => Promise.resolve());
  show(cellEdit('e', {}, { before: BEFORE, hunks: HUNKS }), { accept, reject });
  const find = (label: string): HTMLButtonElement | null =>
    document.querySelector(`button[aria-label="${label}"]`);
  find('Accept the change at line 1')?.click();
  expect(accept).toHaveBeenCalledWith(0);
  expect(find('Accept the change at line 1')?.disabled).toBe(true);
  await vi.waitFor(() => {
    expect(find('Accept the change at line 1')?.disabled).toBe(false);
  });
  find('Reject the change at line 3')?.click();
  expect(reject).toHaveBeenCalledWith(1);
  document.body.replaceChildren();
  show(cellEdit('e', {}, { before: BEFORE, hunks: HUNKS.slice(0, 1) }));
  expect(document.querySelector('.codemad-hunk-buttons')).toBeNull();
});

test('text is put where no text was', () => {
  const hunks: Hunk[] = [{ id: 0, start: 0, old: [], new: ['x = 1'], status: 'pending' }];
  show(cellEdit('e', {}, { before: '', hunks }));
  expect(texts('.codemad-hunk-lines')).toEqual(['x = 1']);
});

test('what is proposed is text, never markup', () => {
  const evil = '<img src=x onerror=alert(1)>\n';
  show(cellEdit('e', {}, { before: '', hunks: [{ id: 0, start: 0, old: [], new: [evil], status: 'pending' }] }));
  expect(document.querySelector('.codemad-hunk-block img')).toBeNull();
  expect(texts('.codemad-hunk-lines')).toEqual([evil.trim()]);
});

test('letters are marked across the elements that colours make', () => {
  const node = document.createElement('pre');
  node.innerHTML = '<b>ab</b>cd<i>ef</i>';
  markText(node, 1, 5);
  expect([...node.querySelectorAll('.codemad-text-added')].map(each => each.textContent)).toEqual(['b', 'cd', 'e']);
  expect(node.textContent).toBe('abcdef');
});
