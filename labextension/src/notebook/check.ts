/**
 * Whether a list of cell changes can be made, decided before the first one is.
 *
 * Pure: plays the changes through on the ids, types and sources of the cells. Making them is left
 * to `apply`.
 */
import type { CellChange } from '../protocol';
import { Failure } from './failure';

/** A cell as far as a change depends on it. */
export interface ICellState {
  id: string;
  type: CellChange['cell_type'];
  source: string;
  /** The person locked it, by the cell's metadata. */
  editable: boolean;
  deletable: boolean;
}

/** The cells as they would stand after the changes. Throws where a change cannot be made. */
export function check(cells: readonly ICellState[], changes: readonly CellChange[]): ICellState[] {
  const next = [...cells];
  for (const change of changes) {
    step(next, change);
  }
  return next;
}

/** Where a cell put at the anchor comes to stand, given the ids without that cell. */
export function place(ids: readonly string[], change: Pick<CellChange, 'anchor' | 'position'>): number {
  if (change.anchor === null) {
    return change.position === 'before' ? 0 : ids.length;
  }
  const index = ids.indexOf(change.anchor);
  if (index < 0) {
    throw missing(change.anchor);
  }
  return change.position === 'before' ? index : index + 1;
}

function step(cells: ICellState[], change: CellChange): void {
  if (change.op === 'insert') {
    insert(cells, change);
    return;
  }
  const index = locate(cells, change.cell);
  const cell = cells[index];
  if (change.expect !== null && change.expect !== cell.source) {
    throw new Failure(
      'stale_edit',
      `Cell ${change.cell} was changed since it was read. Nothing was applied.`,
      'Ask again, so that the change is made from what stands in the cell now.'
    );
  }
  guard(cell, change);
  if (change.op === 'move') {
    cells.splice(index, 1);
    cells.splice(place(idsOf(cells), change), 0, cell);
  } else if (change.op === 'delete') {
    cells.splice(index, 1);
  } else {
    cells[index] = changed(cell, change);
  }
}

function insert(cells: ICellState[], change: CellChange): void {
  if (cells.some(cell => cell.id === change.cell)) {
    throw new Failure('notebook', `The notebook already has a cell ${change.cell}. Nothing was applied.`);
  }
  const cell = changed({ id: change.cell, type: 'raw', source: '', editable: true, deletable: true }, change);
  cells.splice(place(idsOf(cells), change), 0, cell);
}

function changed(cell: ICellState, change: CellChange): ICellState {
  if (change.op === 'clear') {
    return cell;
  }
  if (change.op === 'retype') {
    return { ...cell, type: change.cell_type };
  }
  if (change.op === 'replace') {
    return { ...cell, source: change.source };
  }
  return { ...cell, type: typeOf(change), source: sourceOf(change) };
}

/** The type the cell gets: of its full content where there is one. */
export function typeOf(change: CellChange): CellChange['cell_type'] {
  const type = change.content?.cell_type ?? change.cell_type;
  if (type !== 'code' && type !== 'markdown' && type !== 'raw') {
    throw new Failure('usage', `Cell ${change.cell} cannot get the type ${JSON.stringify(type)}.`);
  }
  return type;
}

/** The source the cell gets; nbformat allows a list of lines as well. */
export function sourceOf(change: CellChange): string {
  const source = change.content ? change.content.source : change.source;
  if (Array.isArray(source)) {
    return source.join('');
  }
  return typeof source === 'string' ? source : '';
}

function locate(cells: readonly ICellState[], id: string): number {
  const index = cells.findIndex(cell => cell.id === id);
  if (index < 0) {
    throw missing(id);
  }
  if (cells.slice(index + 1).some(cell => cell.id === id)) {
    throw new Failure(
      'notebook',
      `Two cells of the notebook have the id ${id}, so it is not clear which one is meant.`,
      'Save the notebook and open it again: that gives the second one an id of its own.'
    );
  }
  return index;
}

function guard(cell: ICellState, change: CellChange): void {
  if (!cell.editable && (change.op === 'replace' || change.op === 'retype')) {
    throw new Failure('notebook', `Cell ${cell.id} is locked (its metadata says editable: false).`);
  }
  if (!cell.deletable && change.op === 'delete') {
    throw new Failure('notebook', `Cell ${cell.id} is locked (its metadata says deletable: false).`);
  }
}

function idsOf(cells: readonly ICellState[]): string[] {
  return cells.map(cell => cell.id);
}

function missing(id: string): Failure {
  return new Failure(
    'not_found',
    `The notebook has no cell ${id}. Nothing was applied.`,
    'It may have been deleted meanwhile; ask again.'
  );
}
