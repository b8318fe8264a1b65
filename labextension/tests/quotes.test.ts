 
import { expect, test, vi } from 'vitest';

import type { IQuote } from '../src/quotes';
import { Quotes, withQuotes } from '../src/quotes';

function quote(change: Partial<IQuote> = {}): IQuote {
  return {
    target: { notebook: 'a.ipynb', kernel: null, cell: 'c1' },
    number: 3,
    from: 1,
    to: 2,
    text: 'x = 1\ny = 2',
    language: 'python',
    intent: 'auto',
    ...change
  };
}

test('the same lines take the place of those before; views are told', () => {
  const quotes = new Quotes();
  const listener = vi.fn();
  const forget = quotes.subscribe(listener);
  quotes.add(quote());
  const again = quote({ text: 'x = 2\ny = 2' });
  quotes.add(again);
  quotes.add(quote({ from: 5, to: 5 }));
  expect(quotes.getSnapshot().map(({ text }) => text)).toEqual(['x = 2\ny = 2', 'x = 1\ny = 2']);
  quotes.remove(again);
  expect(quotes.getSnapshot()).toHaveLength(1);
  quotes.clear();
  expect(quotes.getSnapshot()).toEqual([]);
  expect(listener).toHaveBeenCalledTimes(5);
  forget();
  quotes.add(quote());
  expect(listener).toHaveBeenCalledTimes(5);
});

test('a message names cell and lines, and a fence that the text cannot close', () => {
  const { text, attachments, intent, target } = withQuotes('why?', [
    quote({ text: 'a = """\n````\n"""', intent: 'edit' }),
    quote({ from: 4, to: 4, text: 'z' })
  ]);
  expect(text).toBe(
    'why?\n\nCell 3 (id c1), lines 1 to 2:\n`````python\na = """\n````\n"""\n`````\n\n' +
      'Cell 3 (id c1), line 4:\n```python\nz\n```'
  );
  expect(attachments).toEqual([{ kind: 'cell', name: 'c1' }]);
  expect(intent).toBe('edit');
  expect(target?.cell).toBe('c1');
});

test('a message without pieces is as it was written', () => {
  expect(withQuotes('hello', [])).toEqual({
    text: 'hello',
    intent: 'auto',
    attachments: [],
    target: undefined
  });
});
