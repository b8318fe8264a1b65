/**
 * What the server gets to see of an open notebook: its cells with bounded text of their outputs, or
 * the whole document as nbformat.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import type { INotebookModel } from '@jupyterlab/notebook';

import type { Cell, NotebookView } from '../protocol';
import { plain } from '../text';
import type { TrustMemory } from './trust';

/** Characters of output text per cell: enough for a traceback or a table, not for a log. */
export const OUTPUT_LIMIT = 8_000;

export function view(model: INotebookModel, path: string): NotebookView {
  const document = model.toJSON() as nbformat.INotebookContent;
  const language = document.metadata.language_info?.name ?? languageOf(document);
  return { path, language, cells: document.cells.map(cellOf), live: true };
}

/** The document as it would be saved. Trust is the tab's own business and is left out. */
export function snapshot(model: INotebookModel, trust: TrustMemory): nbformat.INotebookContent {
  const document = structuredClone(model.toJSON()) as nbformat.INotebookContent;
  for (const cell of document.cells) {
    if (cell.metadata.trusted === true && cell.cell_type === 'code') {
      trust.remember(cell.id as string, cell.outputs);
    }
    delete cell.metadata.trusted;
  }
  return document;
}

function languageOf(document: nbformat.INotebookContent): string {
  const { kernelspec } = document.metadata;
  const language: unknown = kernelspec && 'language' in kernelspec ? kernelspec.language : null;
  return typeof language === 'string' ? language : 'python';
}

function cellOf(cell: nbformat.ICell): Cell {
  const tags: unknown = cell.metadata.tags;
  return {
    id: cell.id as string,
    cell_type: cell.cell_type as Cell['cell_type'],
    source: text(cell.source),
    execution_count: (cell.execution_count ?? null) as number | null,
    outputs_text: cell.cell_type === 'code' ? outputsText(cell.outputs as nbformat.IOutput[]) : '',
    tags: Array.isArray(tags) ? tags.map(String) : []
  };
}

/** All outputs as plain text, cut in the middle: the head says what it is, the tail how it ended. */
export function outputsText(outputs: readonly nbformat.IOutput[]): string {
  const whole = outputs.map(outputText).filter(Boolean).join('\n');
  if (whole.length <= OUTPUT_LIMIT) {
    return whole;
  }
  const half = OUTPUT_LIMIT / 2;
  const left = whole.length - OUTPUT_LIMIT;
  return `${whole.slice(0, half)}\n… [${left} characters left out] …\n${whole.slice(-half)}`;
}

function outputText(output: nbformat.IOutput): string {
  switch (output.output_type) {
    case 'stream':
      return plain(text(output.text)).trimEnd();
    case 'error':
      return plain(text((output.traceback as string[]).map(line => `${line}\n`))).trimEnd();
    default:
      return bundleText((output.data ?? {}) as nbformat.IMimeBundle);
  }
}

function bundleText(data: nbformat.IMimeBundle): string {
  const shown = Object.keys(data).filter(mime => mime !== 'text/plain');
  const marks = shown.map(mime => `[${mime}]`).join(' ');
  const words = data['text/plain'] as nbformat.MultilineString | undefined;
  return [words === undefined ? '' : plain(text(words)), marks].filter(Boolean).join('\n');
}

function text(value: unknown): string {
  return Array.isArray(value) ? value.join('') : typeof value === 'string' ? value : '';
}
