import { Signal } from '@lumino/signaling';
import { expect, test, vi } from 'vitest';

import { Client } from '../src/client';
import type { OpenNotebooks } from '../src/notebook/documents';
import { NotebookPort } from '../src/notebook/port';

test('the server hears of a notebook as soon as it is open, and of each state once', () => {
  const client = new Client();
  const hello = vi.spyOn(client, 'hello');
  const changed = new Signal<object, void>({});
  const notebooks = { changed, list: [] as object[], active: null as string | null };
  new NotebookPort(client, notebooks as unknown as OpenNotebooks);
  expect(hello).toHaveBeenLastCalledWith(expect.objectContaining({ notebooks: [], active: null }));

  notebooks.list = [{ path: 'a.ipynb', kernel: null }];
  notebooks.active = 'a.ipynb';
  changed.emit();
  changed.emit(); // another cell became active
  expect(hello).toHaveBeenCalledTimes(2);
  expect(hello).toHaveBeenLastCalledWith(
    expect.objectContaining({ notebooks: notebooks.list, active: 'a.ipynb' })
  );
});
