/**
 * Makes cell changes on an open notebook through its shared model: at once visible, undoable by hand.
 *
 * Text goes on the cell's undo stack, structure on the notebook's; one change never touches both,
 * because undoing a text through both stacks corrupts it. Whether the changes can be made is
 * decided in `check`, before the first one.
 */
import type { SharedCell, YNotebook } from '@jupyter/ydoc';
import type { ICellModel } from '@jupyterlab/cells';
import type * as nbformat from '@jupyterlab/nbformat';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { PartialJSONValue } from '@lumino/coreutils';

import type { CellChange } from '../protocol';
import type { ICellState } from './check';
import { check, place, sourceOf, typeOf } from './check';
import { Failure } from './failure';
import { minimalRange } from './range';
import type { TrustMemory } from './trust';

type YCell = YNotebook['cells'][number];

/** Make all changes, or throw a `Failure` and make none. */
export function apply(model: INotebookModel, changes: readonly CellChange[], trust: TrustMemory): void {
  if (model.readOnly) {
    throw new Failure('notebook', 'The notebook is read-only. Nothing was applied.');
  }
  const notebook = model.sharedModel as YNotebook;
  check(statesOf(notebook), changes);
  notebook.undoManager.stopCapturing();
  for (const change of changes) {
    make(model, notebook, change, trust);
  }
  notebook.undoManager.stopCapturing();
}

/** The cells as `check` sees them. */
export function statesOf(notebook: YNotebook): ICellState[] {
  return notebook.cells.map(cell => ({
    id: cell.getId(),
    type: cell.cell_type,
    source: cell.getSource(),
    editable: cell.getMetadata('editable') !== false,
    deletable: cell.getMetadata('deletable') !== false
  }));
}

function make(model: INotebookModel, notebook: YNotebook, change: CellChange, trust: TrustMemory): void {
  const ids = notebook.cells.map(cell => cell.getId());
  const index = ids.indexOf(change.cell);
  const cell = notebook.cells[index];
  switch (change.op) {
    case 'insert':
      notebook.insertCell(place(ids, change), fresh(change, trust));
      break;
    case 'delete':
      notebook.deleteCell(index);
      break;
    case 'move':
      move(notebook, index, change);
      break;
    case 'replace':
      setText(cell, change.source);
      setProvenance(cell, change);
      break;
    case 'retype':
      retype(notebook, index, change);
      break;
    case 'clear':
      clear(cell);
      break;
    case 'put':
      put(model, notebook, index, change, trust);
  }
}

/** Who made the cell; not undone by hand, as all metadata. */
function setProvenance(cell: YCell, change: CellChange): void {
  if (change.provenance) {
    cell.setMetadata('codemad', change.provenance as PartialJSONValue);
  }
}

/** The metadata of a new cell, with who made it. */
function signed(
  metadata: Partial<nbformat.IBaseCellMetadata>,
  change: CellChange
): Partial<nbformat.IBaseCellMetadata> {
  const provenance = change.op === 'put' ? null : change.provenance;
  return provenance ? { ...metadata, codemad: provenance as PartialJSONValue } : metadata;
}

function clear(cell: YCell): void {
  if (cell.cell_type === 'code') {
    cell.setOutputs([]);
    cell.execution_count = null;
  }
}

function move(notebook: YNotebook, index: number, change: CellChange): void {
  const others = notebook.cells.map(cell => cell.getId()).filter((_, i) => i !== index);
  const to = place(others, change);
  if (to !== index) {
    notebook.moveCell(index, to);
  }
}

/** Only the range that differs, so that cursors and comments beside it stay where they are. */
function setText(cell: YCell, source: string): void {
  const range = minimalRange(cell.getSource(), source);
  if (range) {
    cell.undoManager?.stopCapturing();
    cell.transact(() => {
      cell.updateSource(range.start, range.end, range.text);
    });
    cell.undoManager?.stopCapturing();
  }
}

/** A cell cannot change its type: another one with the same id takes its place. */
function retype(notebook: YNotebook, index: number, change: CellChange): void {
  const old = notebook.cells[index];
  const type = change.cell_type;
  if (old.cell_type === type) {
    setProvenance(old, change);
    return;
  }
  const metadata = signed(withoutTrust(old.getMetadata()), change);
  const attachments = type !== 'code' && 'attachments' in old ? old.getAttachments() : undefined;
  const kept = attachments && { attachments };
  swap(notebook, index, { cell_type: type, id: old.getId(), source: old.getSource(), metadata, ...kept });
}

function swap(notebook: YNotebook, index: number, cell: SharedCell.Cell): void {
  notebook.transact(() => {
    notebook.deleteCell(index);
    notebook.insertCell(index, cell);
  });
}

function put(
  model: INotebookModel,
  notebook: YNotebook,
  index: number,
  change: CellChange,
  trust: TrustMemory
): void {
  const content = fresh(change, trust);
  const cell = notebook.cells[index];
  if (cell.cell_type !== content.cell_type) {
    swap(notebook, index, content);
    return;
  }
  setText(cell, sourceOf(change));
  const trusted = content.metadata?.trusted === true;
  setTrust(model, change.cell, trusted);
  setMetadata(cell, content.metadata ?? {});
  if (cell.cell_type === 'code') {
    const { outputs, execution_count } = content as nbformat.ICodeCell;
    // Two steps: in one, the drawn model joins new text with the old and then drops both.
    cell.setOutputs([]);
    cell.setOutputs(outputs);
    cell.execution_count = execution_count;
  } else if ('attachments' in content) {
    cell.setAttachments(content.attachments as nbformat.IAttachments | undefined);
  }
}

/** The model's trust decides how its outputs are drawn, so it must be set before they arrive. */
function setTrust(model: INotebookModel, id: string, trusted: boolean): void {
  for (const cell of model.cells as Iterable<ICellModel>) {
    if (cell.id === id) {
      cell.trusted = trusted;
    }
  }
}

/** The shared cell's own setter leaves keys standing that the new metadata lacks. */
function setMetadata(cell: YCell, metadata: Partial<nbformat.IBaseCellMetadata>): void {
  for (const key of Object.keys(cell.getMetadata())) {
    if (!(key in metadata)) {
      cell.deleteMetadata(key);
    }
  }
  cell.setMetadata(metadata);
}

/** The nbformat cell of an insert or put; what it says of its own trust is not believed. */
function fresh(change: CellChange, trust: TrustMemory): SharedCell.Cell {
  const type = typeOf(change);
  const source = sourceOf(change);
  const content = change.content ?? {};
  const metadata = signed(withoutTrust(content.metadata ?? {}), change);
  if (type !== 'code') {
    const attachments = content.attachments as nbformat.IAttachments | undefined;
    return { cell_type: type, id: change.cell, source, metadata, ...(attachments && { attachments }) };
  }
  const outputs = ((content.outputs ?? []) as nbformat.IOutput[]).map(joined);
  const isOurs = outputs.length > 0 && trust.isTrusted(change.cell, outputs);
  return {
    cell_type: type,
    id: change.cell,
    source,
    metadata: isOurs ? { ...metadata, trusted: true } : metadata,
    outputs,
    execution_count: (content.execution_count ?? null) as nbformat.ExecutionCount
  };
}

function withoutTrust(metadata: Partial<nbformat.IBaseCellMetadata>): Partial<nbformat.IBaseCellMetadata> {
  const copy = { ...metadata };
  delete copy.trusted;
  return copy;
}

/** The shared model would join a list of lines with commas. */
function joined(output: nbformat.IOutput): nbformat.IOutput {
  return Array.isArray(output.text) ? { ...output, text: output.text.join('') } : output;
}
