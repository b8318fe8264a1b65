import type { YNotebook } from '@jupyter/ydoc';
import type * as nbformat from '@jupyterlab/nbformat';
import type { ICodeCellModel } from '@jupyterlab/cells';
import { NotebookModel } from '@jupyterlab/notebook';
import { beforeEach, expect, test, vi } from 'vitest';

import { apply } from '../src/notebook/apply';
import { Failure } from '../src/notebook/failure';
import { OUTPUT_LIMIT, outputsText, snapshot, view } from '../src/notebook/read';
import { TrustMemory } from '../src/notebook/trust';
import { change } from './changes';

let model: NotebookModel;
let notebook: YNotebook;
let trust: TrustMemory;

const TEXT: nbformat.IOutput = { output_type: 'stream', name: 'stdout', text: 'hello\n' };
const HTML: nbformat.IOutput = { output_type: 'display_data', data: { 'text/html': '<b>x</b>' }, metadata: {} };

function code(id: string, source: string, outputs: nbformat.IOutput[] = [], metadata = {}): nbformat.ICodeCell {
  return { cell_type: 'code', id, source, outputs, execution_count: outputs.length || null, metadata };
}

beforeEach(() => {
  // Yjs warns of cells that are filled before they join the notebook, which is how ydoc makes them.
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  model = new NotebookModel({ disableDocumentWideUndoRedo: true });
  model.fromJSON({
    cells: [
      { cell_type: 'markdown', id: 'title', source: '# Title', metadata: {} },
      code('one', 'a = 1\nb = 2', [TEXT], { tags: ['x'] }),
      code('two', 'print(a)')
    ],
    metadata: { language_info: { name: 'python' }, kernelspec: { name: 'python3', display_name: 'Python 3' } },
    nbformat: 4,
    nbformat_minor: 5
  });
  notebook = model.sharedModel as YNotebook;
  notebook.clearUndoHistory();
  trust = new TrustMemory();
});

function cells(): [string, string, string][] {
  return notebook.cells.map(cell => [cell.getId(), cell.cell_type, cell.getSource()]);
}

function cellOf(id: string): YNotebook['cells'][number] {
  const cell = notebook.cells.find(each => each.getId() === id);
  if (!cell) {
    throw new Error(`no cell ${id}`);
  }
  return cell;
}

test('nothing is changed when one of the changes cannot be made', () => {
  const before = model.toJSON();
  const changes = [change('replace', 'one', { source: 'x' }), change('delete', 'nobody')];
  expect(() => {
    apply(model, changes, trust);
  }).toThrow(Failure);
  expect(model.toJSON()).toEqual(before);
});

test('a replaced text is undone in its cell and nowhere else', () => {
  apply(model, [change('replace', 'one', { source: 'a = 10\nb = 2', expect: 'a = 1\nb = 2' })], trust);
  expect(cellOf('one').getSource()).toBe('a = 10\nb = 2');
  expect(notebook.canUndo()).toBe(false);
  expect(cellOf('two').canUndo()).toBe(false);

  cellOf('one').undo();
  expect(cellOf('one').getSource()).toBe('a = 1\nb = 2');
  expect(cellOf('one').canUndo()).toBe(false);
});

test('typing before and after an edit stays a step of its own', () => {
  const cell = cellOf('one');
  cell.updateSource(0, 0, '# typed\n');
  apply(model, [change('replace', 'one', { source: '# typed\na = 5\nb = 2' })], trust);
  cell.updateSource(0, 0, '# later\n');

  cell.undo();
  expect(cell.getSource()).toBe('# typed\na = 5\nb = 2');
  cell.undo();
  expect(cell.getSource()).toBe('# typed\na = 1\nb = 2');
  cell.undo();
  expect(cell.getSource()).toBe('a = 1\nb = 2');
});

test('inserted, deleted and moved cells are undone in the notebook', () => {
  apply(model, [change('insert', 'new', { anchor: 'title', source: 'x' })], trust);
  expect(cells().map(each => each[0])).toEqual(['title', 'new', 'one', 'two']);
  apply(model, [change('move', 'two', { anchor: 'title', position: 'before' })], trust);
  expect(cells().map(each => each[0])).toEqual(['two', 'title', 'new', 'one']);
  apply(model, [change('delete', 'one')], trust);
  expect(cells().map(each => each[0])).toEqual(['two', 'title', 'new']);

  notebook.undo();
  expect(cells().map(each => each[0])).toEqual(['two', 'title', 'new', 'one']);
  notebook.undo();
  expect(cells().map(each => each[0])).toEqual(['title', 'new', 'one', 'two']);
  notebook.undo();
  expect(cells().map(each => each[0])).toEqual(['title', 'one', 'two']);
});

test('a cell keeps its id, text and place when its type changes', () => {
  apply(model, [change('retype', 'one', { cell_type: 'markdown' })], trust);
  expect(cells()[1]).toEqual(['one', 'markdown', 'a = 1\nb = 2']);
  expect(cellOf('one').getMetadata()).toEqual({ tags: ['x'] });
});

test('a cell is put back whole: source, outputs, count and metadata', () => {
  const content = code('one', 'a = 0', [HTML], { name: 'n' }) as unknown as Record<string, unknown>;
  apply(model, [change('put', 'one', { content })], trust);
  expect(cellOf('one').toJSON()).toEqual({ ...content, execution_count: 1 });

  apply(model, [change('put', 'one', { content: { cell_type: 'markdown', source: ['# a\n', 'b'] } })], trust);
  expect(cellOf('one').toJSON()).toEqual({ cell_type: 'markdown', id: 'one', source: '# a\nb', metadata: {} });
});

test('cells that no change names stay identical', () => {
  const before = cellOf('one').toJSON();
  const same = cellOf('one');
  apply(
    model,
    [change('insert', 'new', { source: 'x' }), change('replace', 'two', { source: 'y' }), change('delete', 'title')],
    trust
  );
  expect(cellOf('one')).toBe(same);
  expect(same.toJSON()).toEqual(before);
});

test('a read-only notebook is left alone', () => {
  model.readOnly = true;
  expect(() => {
    apply(model, [change('delete', 'one')], trust);
  }).toThrow('read-only');
});

test('content that calls itself trusted is not believed', () => {
  const content = code('one', 'x', [HTML], { trusted: true }) as unknown as Record<string, unknown>;
  for (const op of ['put', 'insert'] as const) {
    const id = op === 'put' ? 'one' : 'fresh';
    apply(model, [change(op, id, { content })], trust);
    const cell = [...model.cells].find(each => each.id === id);
    expect(cell?.trusted).toBe(false);
    expect(cellOf(id).getMetadata('trusted')).toBeUndefined();
  }
});

test('outputs that stood trusted here come back trusted, in their own cell only', () => {
  const cell = [...model.cells].find(each => each.id === 'one');
  if (!cell) {
    throw new Error('no cell');
  }
  cell.trusted = true;
  const saved = snapshot(model, trust);
  expect(saved.cells.map(each => each.metadata.trusted)).toEqual([undefined, undefined, undefined]);

  cell.trusted = false;
  const content = saved.cells[1] as unknown as Record<string, unknown>;
  apply(model, [change('put', 'one', { content }), change('put', 'two', { content })], trust);
  expect([...model.cells].map(each => each.trusted)).toEqual([false, true, false]);
});

test('the view tells cells, counts, tags and what the outputs say', () => {
  const seen = view(model, 'a.ipynb');
  expect(seen).toMatchObject({ path: 'a.ipynb', language: 'python', live: true });
  expect(seen.cells[1]).toEqual({
    id: 'one',
    cell_type: 'code',
    source: 'a = 1\nb = 2',
    execution_count: 1,
    outputs_text: 'hello',
    tags: ['x']
  });
});

test('outputs become bounded text, with a mark for what is no text', () => {
  const error = { output_type: 'error', ename: 'E', evalue: 'x', traceback: ['\u001b[31mE\u001b[0m', 'x'] };
  expect(outputsText([TEXT, error, HTML])).toBe('hello\nE\nx\n[text/html]');

  const long = outputsText([{ ...TEXT, text: 'x'.repeat(50_000) }]);
  expect(long.length).toBeLessThan(OUTPUT_LIMIT + 100);
  expect(long).toContain('[42000 characters left out]');
});

test('clearing removes outputs and count of that cell alone', () => {
  const others = model.toJSON().cells.filter(cell => cell.id !== 'one');
  apply(model, [change('clear', 'one', { expect: 'a = 1\nb = 2' })], trust);
  const cleared = model.toJSON().cells[1] as nbformat.ICodeCell;
  expect(cleared).toMatchObject({ outputs: [], execution_count: null, source: 'a = 1\nb = 2', metadata: { tags: ['x'] } });
  expect(model.toJSON().cells.filter(cell => cell.id !== 'one')).toEqual(others);
});

test('an accepted cell carries who made it, and keeps its other metadata', () => {
  const provenance = { session: 's', run: 'r', model: 'm', time: 1.5 };
  apply(
    model,
    [
      change('replace', 'one', { source: 'a = 2', provenance }),
      change('insert', 'new', { source: 'c', anchor: 'one', provenance }),
      change('retype', 'two', { cell_type: 'markdown', provenance }),
      change('retype', 'title', { cell_type: 'markdown', provenance })
    ],
    trust
  );
  expect(cellOf('one').getMetadata()).toMatchObject({ tags: ['x'], codemad: provenance });
  for (const id of ['new', 'two', 'title']) {
    expect(cellOf(id).getMetadata('codemad')).toEqual(provenance);
  }
});

test('a markdown cell that becomes raw keeps its attachments', () => {
  const attachments = { 'a.png': { 'image/png': 'AAAA' } };
  const content = { cell_type: 'markdown', source: '![](attachment:a.png)', metadata: {}, attachments };
  apply(model, [change('insert', 'pic', { content, cell_type: 'markdown' })], trust);
  apply(model, [change('retype', 'pic', { cell_type: 'raw' })], trust);
  expect(model.toJSON().cells[3]).toMatchObject({ cell_type: 'raw', attachments });
});

test('a split leaves outputs with the last piece, in the cell that was there', () => {
  const content = { cell_type: 'code', source: ['a = 1'], metadata: { tags: ['x'] }, outputs: [], execution_count: null };
  apply(
    model,
    [
      change('replace', 'one', { source: 'b = 2', expect: 'a = 1\nb = 2' }),
      change('insert', 'first', { content, anchor: 'one', position: 'before' })
    ],
    trust
  );
  expect(cells().map(([id, , source]) => [id, source])).toEqual([
    ['title', '# Title'],
    ['first', 'a = 1'],
    ['one', 'b = 2'],
    ['two', 'print(a)']
  ]);
  expect((model.toJSON().cells[2] as nbformat.ICodeCell).outputs).toHaveLength(1);
  expect((model.toJSON().cells[1] as nbformat.ICodeCell).outputs).toHaveLength(0);
});

test('a text output that grows is put back as it is, in what is kept and in what is drawn', () => {
  const grown = (text: string): void => {
    const content = code('one', 'a = 1\nb = 2', [{ output_type: 'stream', name: 'stdout', text }]);
    apply(model, [change('put', 'one', { source: 'a = 1\nb = 2', content: { ...content } })], trust);
  };
  for (const text of ['hello\nyou\n', 'hello\nyou\nall\n', 'other\n']) {
    grown(text);
    const drawn = [...model.cells].find(cell => cell.id === 'one') as ICodeCellModel;
    expect(drawn.outputs.toJSON()).toEqual([{ output_type: 'stream', name: 'stdout', text }]);
    expect(drawn.toJSON().outputs).toEqual([{ output_type: 'stream', name: 'stdout', text }]);
    expect(cellOf('one').toJSON().outputs).toEqual([{ output_type: 'stream', name: 'stdout', text }]);
  }
});
