import { nullTranslator } from '@jupyterlab/translation';
import React from 'react';
import type { Root } from 'react-dom/client';
import { createRoot } from 'react-dom/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { RequestError } from '../src/client';
import type { Dashboard, Spend } from '../src/protocol';
import { DashboardView } from '../src/views/dashboard';
import { button } from './seen';

const NOTHING: Spend = { name: '', runs: 0, calls: 0, tokens: 0, cost: 0, unpriced: 0, seconds: null };
const CHEAP: Spend = { ...NOTHING, name: 'ollama/small', runs: 2, calls: 9, tokens: 12_000, seconds: 2 };
const DEAR: Spend = { ...NOTHING, name: 'anthropic/big\u202e', runs: 1, calls: 3, tokens: 900, cost: 1.5 };
const FIGURES: Dashboard = {
  days: 30,
  total: { ...DEAR, name: '', unpriced: 2 },
  by_day: [
    { ...NOTHING, name: '2026-11-21' },
    { ...DEAR, name: '2026-11-22' }
  ],
  by_model: [DEAR, CHEAP],
  by_notebook: [{ ...DEAR, name: 'work/a.ipynb' }],
  slow_cells: [{ notebook: 'work/a.ipynb', cell: 'c1', runs: 2, longest: 75, average: 50 }],
  approvals: [{ tool: 'run_code', decision: 'rejected', count: 4, waited: 3 }],
  errors: [{ source: 'run', code: 'rate_limited', count: 2, latest: 0, text: '<img src=x onerror=alert(1)>' }]
};

let host: HTMLElement;
let root: Root;
const asked: number[] = [];
const opened: string[] = [];

function draw(load: (days: number) => Promise<Dashboard>): void {
  const trans = nullTranslator.load('codemad_jupyter');
  root.render(<DashboardView load={load} openNotebook={path => opened.push(path)} trans={trans} />);
}

beforeEach(() => {
  host = document.body.appendChild(document.createElement('div'));
  root = createRoot(host);
  asked.length = 0;
  opened.length = 0;
});

afterEach(() => {
  root.unmount();
  host.remove();
});

function names(caption: string): (string | null)[] {
  const table = [...host.querySelectorAll('table')].find(
    each => each.caption?.textContent === caption
  );
  return [...(table?.querySelectorAll('tbody th') ?? [])].map(each => each.textContent);
}

test('figures are drawn beside tables that hold the same, and strange text stays text', async () => {
  draw(async days => {
    asked.push(days);
    return Promise.resolve(FIGURES);
  });
  await vi.waitFor(() => {
    expect(host.querySelectorAll('.codemad-column')).toHaveLength(2);
  });
  expect(asked).toEqual([30]);
  expect(host.textContent).toContain('2 calls without a known price');
  expect(host.textContent).toContain('<img src=x onerror=alert(1)>');
  expect(host.textContent).not.toContain('\u202e');
  expect(host.querySelector('img')).toBeNull();
  expect(names('Usage by day')).toEqual(['2026-11-22', '2026-11-21']);
  expect(names('Usage by model')[1]).toBe('small');
  expect(host.querySelector('[role=img]')?.getAttribute('aria-label')).toBe('Cost by day');
});

test('the measure, the days and a notebook can be chosen', async () => {
  draw(async days => {
    asked.push(days);
    return Promise.resolve(FIGURES);
  });
  await vi.waitFor(() => {
    button('Calls').click();
  });
  await vi.waitFor(() => {
    expect(names('Usage by model')[0]).toBe('small');
  });
  button('a.ipynb').click();
  expect(opened).toEqual(['work/a.ipynb']);
  const select = host.querySelector('select');
  if (select) {
    select.value = '7';
    select.dispatchEvent(new window.Event('change', { bubbles: true }));
  }
  await vi.waitFor(() => {
    expect(asked).toEqual([30, 7]);
  });
});

test('an empty month says so, and a failure says what to do', async () => {
  const none = { ...FIGURES, total: NOTHING, by_model: [], by_notebook: [], slow_cells: [], approvals: [], errors: [] };
  let answer = async (): Promise<Dashboard> => Promise.resolve(none);
  draw(async () => answer());
  await vi.waitFor(() => {
    expect(host.textContent).toContain('Nothing went wrong in these days.');
  });
  expect(host.querySelector('[aria-pressed=true]')?.textContent).toBe('Calls');
  answer = async () => Promise.reject(new RequestError({ code: 'store', message: 'No disk.', hint: 'Get one.' }, 500));
  host.querySelector<HTMLButtonElement>('[aria-label="Look again"]')?.click();
  await vi.waitFor(() => {
    expect(host.querySelector('[role=alert]')?.textContent).toContain('Get one.');
  });
});
