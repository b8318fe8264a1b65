 
import { nullTranslator } from '@jupyterlab/translation';
import React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';

import type { Verdict, Verification } from '../src/protocol';
import type { IPanelContext } from '../src/views/context';
import { PanelContext } from '../src/views/context';
import { VerificationView } from '../src/views/verification';

const context = { trans: nullTranslator.load('codemad_jupyter') } as IPanelContext;

function verdict(number: number, status: Verdict['status'], change: Partial<Verdict> = {}): Verdict {
  return { cell: `c${number}`, number, status, detail: '', diff: '', seconds: 0, ...change };
}

function drawn(change: Partial<Verification>): HTMLElement {
  const report: Verification = {
    notebook: 'work/a.ipynb',
    same: true,
    cells: [],
    missing: [],
    out_of_order: [],
    notes: [],
    seconds: 1.5,
    ...change
  };
  const host = document.createElement('div');
  host.innerHTML = renderToStaticMarkup(
    <PanelContext.Provider value={context}>
      <VerificationView item={{ kind: 'verified', key: 'v', report }} />
    </PanelContext.Provider>
  );
  return host;
}

test('a clean run is said in one line, with how it was run', () => {
  const host = drawn({
    cells: [verdict(1, 'same'), verdict(2, 'unrecorded')],
    notes: ['Run in a copy of the folder.', 'The network was\noff.']
  });
  expect(host.textContent).toContain('a.ipynb runs clean');
  expect(host.textContent).toContain('1 as stored · 1 without a stored result');
  expect(host.textContent).toContain('Run in a copy of the folder.');
  expect(host.textContent).not.toContain('\n');
  expect(host.querySelector('.codemad-differences')).toBeNull();
});

test('cells that do not repeat are named, with what differs', () => {
  const host = drawn({
    same: false,
    cells: [
      verdict(1, 'same'),
      verdict(2, 'differs', { diff: '@@ -1 +1 @@\n-1\n+2' }),
      verdict(3, 'failed', { detail: 'NameError: x' }),
      verdict(4, 'not_run')
    ]
  });
  expect(host.textContent).toContain('2 of 4 cells do not repeat');
  const items = [...host.querySelectorAll('.codemad-difference')].map(each => each.textContent);
  expect(items).toEqual(['differs Cell 2@@ -1 +1 @@-1+2', 'failed Cell 3 NameError: x', 'not run Cell 4']);
});

test('cells out of order and cells never run are told by their numbers', () => {
  const cells = Array.from({ length: 12 }, (_, index) => verdict(index + 1, 'same'));
  const ids = cells.map(({ cell }) => cell);
  const host = drawn({ cells, out_of_order: ['c2'], missing: ids });
  expect(host.textContent).toContain('out of order: cell 2');
  expect(host.textContent).toContain('never run: cells 1, 2, 3, 4, 5, 6, 7, 8, …');
});
