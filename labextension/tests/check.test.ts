import { expect, test } from 'vitest';

import type { ICellState } from '../src/notebook/check';
import { check } from '../src/notebook/check';
import { Failure } from '../src/notebook/failure';
import { change } from './changes';

function cell(id: string, source = id, locked = false): ICellState {
  return { id, type: 'code', source, editable: !locked, deletable: !locked };
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (reason) {
    return reason instanceof Failure ? reason.code : String(reason);
  }
  return 'none';
}

const CELLS = [cell('a'), cell('b'), cell('c')];

test.each([
  [null, 'before', ['x', 'a', 'b', 'c']],
  [null, 'after', ['a', 'b', 'c', 'x']],
  ['b', 'before', ['a', 'x', 'b', 'c']],
  ['b', 'after', ['a', 'b', 'x', 'c']]
] as const)('a cell is inserted %s %s', (anchor, position, ids) => {
  const next = check(CELLS, [change('insert', 'x', { anchor, position, source: 's' })]);
  expect(next.map(each => each.id)).toEqual(ids);
});

test.each([
  ['a', 'c', 'after', ['b', 'c', 'a']],
  ['c', 'a', 'before', ['c', 'a', 'b']],
  ['a', 'b', 'after', ['b', 'a', 'c']],
  ['b', null, 'before', ['b', 'a', 'c']]
] as const)('cell %s moves to %s %s', (id, anchor, position, ids) => {
  expect(check(CELLS, [change('move', id, { anchor, position })]).map(each => each.id)).toEqual(ids);
});

test('changes are played through one after the other', () => {
  const next = check(CELLS, [
    change('insert', 'x', { anchor: 'a', source: '1' }),
    change('replace', 'x', { source: '2', expect: '1' }),
    change('retype', 'x', { cell_type: 'markdown', expect: '2' }),
    change('delete', 'a', { expect: 'a' }),
    change('insert', 'a', { anchor: 'x', source: 'again' })
  ]);
  expect(next.map(each => [each.id, each.type, each.source])).toEqual([
    ['x', 'markdown', '2'],
    ['a', 'code', 'again'],
    ['b', 'code', 'b'],
    ['c', 'code', 'c']
  ]);
});

test.each([
  ['stale_edit', change('replace', 'a', { expect: 'other' })],
  ['stale_edit', change('delete', 'a', { expect: '' })],
  ['not_found', change('delete', 'zz')],
  ['not_found', change('insert', 'x', { anchor: 'zz' })],
  ['not_found', change('move', 'a', { anchor: 'a' })],
  ['notebook', change('insert', 'a')],
  ['usage', change('put', 'a', { content: { cell_type: 'evil', source: '' } })],
  ['none', change('replace', 'a', { expect: null, source: 'x' })],
  ['none', change('put', 'a', { content: { cell_type: 'raw', source: ['a', 'b'] } })]
])('%s', (code, step) => {
  expect(codeOf(() => check(CELLS, [step]))).toBe(code);
});

test('two cells of one id are nobody’s guess', () => {
  expect(codeOf(() => check([cell('a'), cell('a')], [change('delete', 'a')]))).toBe('notebook');
});

test('locked cells stay as they are, but a restore may put them back', () => {
  const locked = [cell('a', 'a', true)];
  expect(codeOf(() => check(locked, [change('replace', 'a', { source: 'x' })]))).toBe('notebook');
  expect(codeOf(() => check(locked, [change('delete', 'a')]))).toBe('notebook');
  expect(codeOf(() => check(locked, [change('put', 'a', { content: { cell_type: 'code', source: 'x' } })]))).toBe('none');
});
