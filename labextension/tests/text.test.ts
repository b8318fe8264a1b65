import { expect, test } from 'vitest';

import { clip, line, plain } from '../src/text';

test.each([
  ['\u001b[31mred\u001b[0m', 'red'],
  ['\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'link'],
  ['\u001b]52;c;aGk=\u0007copied', 'copied'],
  ['\u001b]0;title', ''],
  ['\u009b31mred', 'red'],
  ['\u001bc\u001b[2J\u001b[6nx', 'x'],
  ['50%\r100%\nnext', '100%\nnext'],
  ['dos\r\nlines', 'dos\nlines'],
  ['a\u202eb', 'a\\u202eb'],
  ['bell\u0007', 'bell\\u0007'],
  ['tab\tstays', 'tab\tstays'],
  ['👩‍👩‍👧 ümläut', '👩‍👩‍👧 ümläut']
])('%j is shown as %j', (text, shown) => {
  expect(plain(text)).toBe(shown);
});

test('a line is one line of bounded length', () => {
  expect(line('  two\n   lines ')).toBe('two lines');
  expect(line('x'.repeat(10_000))).toHaveLength(601);
  expect(clip('abc', 2)).toBe('ab…');
});
