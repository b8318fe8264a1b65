 
import { nullTranslator } from '@jupyterlab/translation';
import { expect, test } from 'vitest';

import type { NameState, Receipt, Trial } from '../src/protocol';
import { receiptParts, wayText } from '../src/views/outputs';

const trans = nullTranslator.load('codemad_jupyter');

function state(name: string, type: string, shape: number[] | null = null, dtypes: string[] = []): NameState {
  return { name, type, shape, dtypes, digest: '' };
}

function receipt(change: Partial<Receipt>): Receipt {
  return { added: [], changed: [], deleted: [], truncated: false, ...change };
}

function trial(change: Partial<Trial>): Trial {
  return {
    status: 'passed',
    method: 'fork',
    detail: '',
    seconds: 0.25,
    outputs: [],
    receipt: null,
    replayed: [],
    ...change
  };
}

test('new names are told with their types and sizes', () => {
  const parts = receiptParts(
    receipt({
      added: [
        state('n', 'int'),
        state('s', 'str', [6]),
        state('df', 'pandas.DataFrame', [100, 3], ['int64', 'float64', 'str']),
        state('scalar', 'numpy.ndarray', [])
      ]
    }),
    trans
  );
  expect(parts.map(({ sign, name, detail }) => `${sign} ${name} ${detail}`)).toEqual([
    '+ n int',
    '+ s str[6]',
    '+ df DataFrame 100×3',
    '+ scalar ndarray'
  ]);
  expect(parts[2].title).toBe('pandas.DataFrame · 100×3 · int64, float64, str');
});

test('a change tells what is different of shape and type, and warns of one in place', () => {
  const parts = receiptParts(
    receipt({
      changed: [
        {
          before: state('df', 'pandas.DataFrame', [100, 3]),
          after: state('df', 'pandas.DataFrame', [90, 3]),
          in_place: true,
          certain: true
        },
        { before: state('n', 'int'), after: state('n', 'int'), in_place: false, certain: true },
        { before: state('x', 'int'), after: state('x', 'list', [2]), in_place: false, certain: false }
      ],
      deleted: ['tmp']
    }),
    trans
  );
  expect(parts.map(({ kind, name, detail }) => [kind, name, detail])).toEqual([
    ['inplace', 'df', '(100×3 → 90×3, changed in place)'],
    ['changed', 'n', ''],
    ['changed', 'x', '(int → list[2], compared in part)'],
    ['deleted', 'tmp', '']
  ]);
});

test('names cannot smuggle lines or controls into the receipt', () => {
  const [part] = receiptParts(receipt({ deleted: ['a\u202e\nb'] }), trans);
  expect(part.name).not.toMatch(/[\n\u202e]/);
});

test('the way a trial took is always told', () => {
  expect(wayText(trial({}), trans)).toBe('Tried in a copy of the kernel, 0.3 s');
  expect(wayText(trial({ method: 'replay' }), trans)).toBe('Tried in a fresh kernel, 0.3 s');
  expect(wayText(trial({ method: 'replay', replayed: ['a'] }), trans)).toBe(
    'Tried in a fresh kernel after 1 cell, 0.3 s'
  );
  expect(wayText(trial({ method: 'replay', replayed: ['a', 'b'] }), trans)).toBe(
    'Tried in a fresh kernel after 2 cells, 0.3 s'
  );
  expect(wayText(trial({ method: 'syntax' }), trans)).toBe('Only its syntax was checked');
  expect(wayText(trial({ method: 'none' }), trans)).toBe('');
});
