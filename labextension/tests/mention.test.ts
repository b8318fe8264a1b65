import { expect, test } from 'vitest';

import { replaced, tokenAt, written } from '../src/mention';
import type { Mention } from '../src/protocol';

test.each([
  ['@', '', 0],
  ['look at @d', 'd', 8],
  ['(@df', 'df', 1],
  ['@grö', 'grö', 0],
  ['@file:src/a', 'file:src/a', 0],
  ['@file:"my da', 'file:my da', 0],
  ['@"my da', 'my da', 0],
  ['first\n@x', 'x', 6]
])('%j is a name being written', (text, query, start) => {
  expect(tokenAt(text, text.length)).toEqual({ start, end: text.length, query });
});

test.each(['', 'me@mail.org', 'a@b', '@@x', '@df and', '@"a" b', '`@x', 'x/@y', '@a\n', '@what?'])(
  '%j is none',
  text => {
    expect(tokenAt(text, text.length)).toBeNull();
  }
);

test('the name ends at the cursor, whatever follows', () => {
  expect(tokenAt('see @dfx now', 7)).toEqual({ start: 4, end: 7, query: 'df' });
  expect(tokenAt('see @df now', 2)).toBeNull();
});

test.each<[Mention['kind'], string, string | null]>([
  ['variable', 'df', '@var:df'],
  ['variable', 'größe', '@var:größe'],
  ['file', 'gro\u0308ße', '@file:"gro\u0308ße"'],
  ['cell', 'a1-b2', '@cell:a1-b2'],
  ['cell', 'a1-', '@cell:"a1-"'],
  ['file', 'src/a.py', '@file:src/a.py'],
  ['file', 'my data.csv', '@file:"my data.csv"'],
  ['file', '.hidden', '@file:".hidden"'],
  ['file', 'it is "quoted".csv', null],
  ['file', 'two\nlines', null],
  ['file', 'x'.repeat(401), null],
  ['session', '01JABC', '@session:01JABC']
])('%s %j is written as %j', (kind, name, expected) => {
  expect(written({ kind, name, label: name, detail: '' })).toBe(expected);
});

test('a suggestion takes the place of the letters, and of the rest of the word', () => {
  const token = tokenAt('see @dfx now', 6)!;
  expect(replaced('see @dfx now', token, '@var:df')).toEqual({ text: 'see @var:df now', caret: 12 });
  const last = tokenAt('@"my d', 6)!;
  expect(replaced('@"my d', last, '@file:"my data"')).toEqual({ text: '@file:"my data" ', caret: 16 });
  expect(replaced('a @x', tokenAt('a @x', 4)!, '')).toEqual({ text: 'a ', caret: 2 });
});
