/* eslint-disable jupyter/no-untranslated-string -- labels are data here */
import { expect, test } from 'vitest';

import type { IQuote } from '../src/quotes';
import { notebookOf, Quotes, withQuotes } from '../src/quotes';

const TARGET = { notebook: 'a.ipynb', kernel: 'k', cell: 'c1' };
const QUOTE: IQuote = {
  kind: 'lines',
  target: TARGET,
  number: 1,
  from: 2,
  to: 3,
  text: 'x = 1',
  language: 'python',
  intent: 'edit'
};

test('what is attached goes as attachments, what is no part of the workspace as text', () => {
  const file = { kind: 'file', name: 'b.csv', label: 'b.csv' } as const;
  const output = { kind: 'output', name: 'c1', label: 'of cell 1', target: TARGET } as const;
  const mine = { kind: 'text', name: 'n.md', text: 'a ```` b' } as const;
  expect(withQuotes('why?', [file, output, mine])).toEqual({
    text: 'why?\n\nFile n.md, from my machine:\n`````\na ```` b\n`````\n\nWith file b.csv, output of cell 1.',
    intent: 'auto',
    attachments: [
      { kind: 'file', name: 'b.csv' },
      { kind: 'output', name: 'c1' }
    ],
    target: TARGET
  });
  expect(withQuotes('why?', [file]).target).toBeUndefined();
});

test('lines of a cell go as text, and name their cell once', () => {
  const told = withQuotes('faster', [QUOTE, { kind: 'cell', name: 'c1', label: '1: x', target: TARGET }]);
  expect(told.attachments).toEqual([{ kind: 'cell', name: 'c1' }]);
  expect(told.intent).toBe('edit');
  expect(told.text).toContain('Cell 1 (id c1), lines 2 to 3:\n```python\nx = 1\n```');
});

test('the same piece is there once, and a message knows its notebook', () => {
  const quotes = new Quotes();
  let told = 0;
  quotes.subscribe(() => (told += 1));
  quotes.add({ kind: 'file', name: 'a', label: 'a' });
  quotes.add({ kind: 'variable', name: 'a', label: 'a' });
  quotes.add({ kind: 'file', name: 'a', label: 'again' });
  expect(quotes.getSnapshot().map(({ kind }) => kind)).toEqual(['variable', 'file']);
  expect(notebookOf(quotes.getSnapshot())).toBeNull();
  quotes.add(QUOTE);
  expect(notebookOf(quotes.getSnapshot())).toBe('a.ipynb');
  quotes.remove(quotes.getSnapshot()[0]);
  quotes.clear();
  expect(quotes.getSnapshot()).toEqual([]);
  expect(told).toBe(6);
});

test('a fence is longer than any in the lines of a cell; one line is named as one', () => {
  const fenced = { ...QUOTE, text: 'a = """\n````\n"""' };
  const single = { ...QUOTE, from: 4, to: 4, text: 'z', intent: 'auto' as const };
  expect(withQuotes('why?', [fenced, single]).text).toBe(
    'why?\n\nCell 1 (id c1), lines 2 to 3:\n`````python\na = """\n````\n"""\n`````\n\n' +
      'Cell 1 (id c1), line 4:\n```python\nz\n```'
  );
});
