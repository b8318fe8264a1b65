import { beforeEach, expect, test } from 'vitest';

import { Renames } from '../src/notebook/renames';

beforeEach(() => {
  window.sessionStorage.clear();
});

test('a notebook is found by every name it had, also after a reload', () => {
  const renames = new Renames();
  renames.add('a.ipynb', 'b.ipynb');
  renames.add('b.ipynb', 'c.ipynb');
  expect(renames.now('a.ipynb')).toBe('c.ipynb');
  expect(new Renames().now('a.ipynb')).toBe('c.ipynb');
  expect(renames.now('other.ipynb')).toBe('other.ipynb');
});

test('a name that is taken back leads nowhere else', () => {
  const renames = new Renames();
  renames.add('a.ipynb', 'b.ipynb');
  renames.add('b.ipynb', 'a.ipynb');
  expect(renames.now('a.ipynb')).toBe('a.ipynb');
  expect(renames.now('b.ipynb')).toBe('a.ipynb');
});

test('a name that is in use again means who has it now', () => {
  const renames = new Renames();
  renames.add('a.ipynb', 't.ipynb');
  renames.add('b.ipynb', 'a.ipynb');
  renames.add('t.ipynb', 'b.ipynb');
  expect(['a', 'b', 't'].map(name => renames.now(`${name}.ipynb`))).toEqual(['a.ipynb', 'b.ipynb', 'b.ipynb']);
});

test('only the latest are remembered, and what cannot be read is nothing', () => {
  const renames = new Renames();
  for (let n = 0; n < 60; n++) {
    renames.add(`old${n}.ipynb`, `new${n}.ipynb`);
  }
  expect(new Renames().now('old0.ipynb')).toBe('old0.ipynb');
  expect(new Renames().now('old59.ipynb')).toBe('new59.ipynb');
  window.sessionStorage.setItem('codemad-jupyter:renames', '{broken');
  expect(new Renames().now('old59.ipynb')).toBe('old59.ipynb');
});
