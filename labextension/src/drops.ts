/**
 * What is dropped onto the panel, made into pieces of the next message.
 *
 * Three kinds of drags arrive: JupyterLab's own (files of its browser, cells by their prompts), outputs (by
 * `outputDrag`), and files of the person's machine. Each is taken whole or refused with a word why.
 */
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { MimeData } from '@lumino/coreutils';

import type { OpenNotebooks } from './notebook/documents';
import type { Piece } from './quotes';
import { notebookOf } from './quotes';

export const FILES_MIME = 'application/x-jupyter-icontents';
export const CELLS_MIME = 'application/vnd.jupyter.cells';
export const OUTPUT_MIME = 'application/x-codemad-output';

/** Bytes of a file of the person's machine; its text becomes part of the message. */
export const FILE_LIMIT = 100_000;
const MOST = 20;

/** What of a drop can go along, and why the rest cannot. */
export interface ITaken {
  pieces: Piece[];
  refused: string[];
}

export class Drops {
  constructor(notebooks: OpenNotebooks, contents: Contents.IManager, trans: TranslationBundle) {
    this._notebooks = notebooks;
    this._contents = contents;
    this._trans = trans;
  }

  /** Whether a drag of JupyterLab holds something for us. */
  holds(mime: MimeData): boolean {
    return mime.hasData(FILES_MIME) || mime.hasData(CELLS_MIME);
  }

  /** Whether a drag of the browser does. */
  offers(data: DataTransfer | null): boolean {
    return data !== null && (data.types.includes(OUTPUT_MIME) || data.types.includes('Files'));
  }

  /** `waiting` are the pieces that are there already. */
  async take(mime: MimeData, source: unknown, waiting: readonly Piece[]): Promise<ITaken> {
    const paths: unknown = mime.getData(FILES_MIME);
    if (Array.isArray(paths)) {
      return this._all(paths.map(String), path => this._file(path));
    }
    const cells: unknown = mime.getData(CELLS_MIME);
    const found = Array.isArray(cells) ? (cells as { id?: string }[]) : [];
    return this._all(found, cell => Promise.resolve(this._cell('cell', cell.id ?? '', source, waiting)));
  }

  async takeFrom(data: DataTransfer, waiting: readonly Piece[]): Promise<ITaken> {
    const output = data.getData(OUTPUT_MIME);
    if (output) {
      const { notebook, cell } = JSON.parse(output) as { notebook: string; cell: string };
      return this._all([cell], () =>
        Promise.resolve(this._cell('output', cell, this._notebooks.find(notebook).content, waiting))
      );
    }
    return this._all([...data.files], file => this._text(file));
  }

  /** A cell of an open notebook, or what stands below it; a word where it cannot go along. */
  private _cell(
    kind: 'cell' | 'output',
    id: string,
    source: unknown,
    waiting: readonly Piece[]
  ): Piece | string {
    const panel = this._notebooks.holding(source);
    const index = panel?.content.widgets.findIndex(({ model }) => model.id === id) ?? -1;
    const target = panel && index >= 0 ? this._notebooks.targetAt(panel, id) : null;
    if (!panel || !target?.notebook) {
      return this._trans.__('This cell is in no notebook that CodeMAD can read.');
    }
    const other = notebookOf(waiting);
    if (other !== null && other !== target.notebook) {
      return this._trans.__('A message takes cells of one notebook; there are some of %1 already.', other);
    }
    const number = (index + 1).toString();
    const first = panel.content.widgets[index].model.sharedModel.getSource().trim().split('\n')[0];
    const label = kind === 'output' ? this._trans.__('of cell %1', number) : `${number}: ${first || '…'}`;
    return { kind, name: id, label, target };
  }

  private async _file(path: string): Promise<Piece | string> {
    const drive = this._contents.driveName(path);
    const local = this._contents.localPath(path);
    if (!this._notebooks.isOnServer(path)) {
      return this._trans.__('%1 is on the drive %2, which CodeMAD cannot read.', local, drive);
    }
    const { type } = await this._contents.get(path, { content: false });
    return type === 'directory'
      ? this._trans.__('%1 is a folder. Drag its files, or name them in the message.', local)
      : { kind: 'file', name: local, label: local };
  }

  private async _text(file: File): Promise<Piece | string> {
    const { name, size } = file;
    if (size > FILE_LIMIT) {
      return this._trans.__(
        '%1 has %2 bytes; at most %3 go along as text. Upload it to the file browser and drag it from there.',
        name,
        size.toLocaleString(),
        FILE_LIMIT.toLocaleString()
      );
    }
    const bytes = await file.arrayBuffer();
    const text = decoded(bytes);
    return text === null
      ? this._trans.__('%1 is no text. Upload it to the file browser and name it in the message.', name)
      : { kind: 'text', name, text };
  }

  private async _all<T>(list: readonly T[], read: (each: T) => Promise<Piece | string>): Promise<ITaken> {
    const taken: ITaken = { pieces: [], refused: [] };
    for (const each of list.slice(0, MOST)) {
      const found = await read(each).catch((reason: unknown) =>
        this._trans.__(
          'This could not be read (%1); folders cannot go along.',
          reason instanceof Error ? reason.message : String(reason)
        )
      );
      if (typeof found === 'string') {
        taken.refused.push(found);
      } else {
        taken.pieces.push(found);
      }
    }
    if (list.length > MOST) {
      taken.refused.push(
        this._trans.__('Only the first %1 of %2 go along.', MOST.toString(), list.length.toString())
      );
    }
    return taken;
  }

  private _contents: Contents.IManager;
  private _notebooks: OpenNotebooks;
  private _trans: TranslationBundle;
}

/** The text of a file; null for anything else. */
export function decoded(bytes: ArrayBuffer): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null; // what is no UTF-8 is taken for no text
  }
}
