import { expect, test } from 'vitest';

import { leftOut, pauseOf, progressOf } from '../src/indexing';
import type { IndexStatus } from '../src/protocol';

const STATUS: IndexStatus = {
  state: 'reading',
  done: 30,
  total: 90,
  files: 30,
  chunks: 200,
  lacking: 0,
  left_out: [],
  fault: '',
  notice: ''
};

test('progress is what can be counted of what is being done', () => {
  expect(progressOf(STATUS)).toEqual({ done: 30, total: 90, percent: 33 });
  expect(progressOf({ ...STATUS, state: 'embedding', done: 120 })).toEqual({ done: 90, total: 90, percent: 100 });
  expect(progressOf({ ...STATUS, state: 'looking', done: 0, total: 0 })).toBeNull();
  expect(progressOf({ ...STATUS, state: 'ready' })).toBeNull();
});

test('the server is asked often only while it works', () => {
  const soon = pauseOf(STATUS);
  expect(pauseOf({ ...STATUS, state: 'embedding' })).toBe(soon);
  expect(pauseOf({ ...STATUS, state: 'ready' })).toBeGreaterThan(soon);
  expect(pauseOf({ ...STATUS, state: 'failed' })).toBeGreaterThan(soon);
  expect(pauseOf(null)).toBeGreaterThan(soon);
});

test('what is left out is counted by its reasons', () => {
  const left_out = [
    { reason: 'empty', count: 2 },
    { reason: 'too large', count: 7 },
    { reason: 'a link', count: 2 }
  ];
  const { count, reasons } = leftOut({ ...STATUS, left_out });
  expect(count).toBe(11);
  expect(reasons.map(({ reason }) => reason)).toEqual(['too large', 'a link', 'empty']);
});
