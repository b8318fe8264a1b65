import { expect, test } from 'vitest';

import { minimalRange } from '../src/notebook/range';
import { randomOf } from './events';

function applied(before: string, after: string): string {
  const range = minimalRange(before, after);
  return range ? before.slice(0, range.start) + range.text + before.slice(range.end) : before;
}

test('equal texts need no change', () => {
  expect(minimalRange('same', 'same')).toBeNull();
});

test('only what differs is replaced', () => {
  expect(minimalRange('a = 1\nb = 2\n', 'a = 10\nb = 2\n')).toEqual({ start: 5, end: 5, text: '0' });
  expect(minimalRange('aaa', 'aa')).toEqual({ start: 2, end: 3, text: '' });
});

test('a pair of surrogates is replaced as a whole', () => {
  expect(minimalRange('😀', '😁')).toEqual({ start: 0, end: 2, text: '😁' });
  expect(minimalRange('x🨀', 'x😀')).toEqual({ start: 1, end: 3, text: '😀' });
});

test.each(Array.from({ length: 40 }, (_, seed) => seed))('the range leads from text to text (%i)', seed => {
  const random = randomOf(seed);
  const letters = ['a', 'b', '\n', '😀', '😁', '🨀'];
  const text = (): string => Array.from({ length: random(12) }, () => letters[random(letters.length)]).join('');
  for (let round = 0; round < 50; round++) {
    const [before, after] = [text(), text()];
    expect(applied(before, after)).toBe(after);
  }
});
