/**
 * The notebooks open in this tab, by their path on the server, and where the person stands.
 *
 * Notebooks of other drives are none of the engine's: it cannot reach their files.
 */
import type { Cell } from '@jupyterlab/cells';
import { isCodeCellModel } from '@jupyterlab/cells';
import type * as nbformat from '@jupyterlab/nbformat';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { OpenNotebook, Target } from '../protocol';
import { Failure } from './failure';
import { Renames } from './renames';

/** The real-time collaboration drive shows the server's own files. */
const SERVER_DRIVES = new Set(['', 'RTC']);

const NOWHERE: Target = { notebook: null, kernel: null, cell: null };

export class OpenNotebooks {
  constructor(tracker: INotebookTracker | null, contents: Contents.IManager) {
    this._tracker = tracker;
    this._contents = contents;
    tracker?.widgetAdded.connect((_, panel) => {
      this._watch(panel);
    });
    tracker?.forEach(panel => {
      this._watch(panel);
    });
    tracker?.currentChanged.connect(this._emit);
    tracker?.activeCellChanged.connect(this._emit);
  }

  /** A notebook was opened, closed, renamed, got another kernel, or another cell became active. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Those that are open, also under the name that a proposal knows one by. */
  get list(): OpenNotebook[] {
    const found = new Map<string, OpenNotebook>();
    this._tracker?.forEach(panel => {
      const path = this.pathOf(panel);
      if (path !== null) {
        found.set(path, { path, kernel: kernelOf(panel) });
      }
    });
    for (const path of this._expected) {
      const now = found.get(this._renames.now(path));
      if (now && !found.has(path)) {
        found.set(path, { path, kernel: now.kernel });
      }
    }
    return [...found.values()];
  }

  /** The paths that proposals name: notebooks that were renamed since are still found by them. */
  expect(paths: readonly string[]): void {
    if (paths.join('\n') !== this._expected.join('\n')) {
      this._expected = [...paths];
      this._emit();
    }
  }

  /** Whether a panel shows what a proposal calls `path`. */
  isAt(panel: NotebookPanel, path: string): boolean {
    const now = this.pathOf(panel);
    return now !== null && (now === path || (now === this._renames.now(path) && !this._isOpen(path)));
  }

  get active(): string | null {
    const panel = this._tracker?.currentWidget;
    return panel ? this.pathOf(panel) : null;
  }

  get target(): Target {
    const panel = this._tracker?.currentWidget;
    return panel ? this.targetAt(panel, panel.content.activeCell?.model.id ?? null) : NOWHERE;
  }

  /** A cell of an open notebook, as a prompt is about it. */
  targetAt(panel: NotebookPanel, cell: string | null): Target {
    const notebook = this.pathOf(panel);
    return notebook === null ? NOWHERE : { notebook, kernel: kernelOf(panel), cell };
  }

  /** What stands below a cell now; nothing where its notebook is not open. */
  outputsOf(path: string, cell: string): nbformat.IOutput[] {
    const model = this._cellsAt(path).find(widget => widget.model.id === cell)?.model;
    return model && isCodeCellModel(model) ? model.outputs.toJSON() : [];
  }

  /** The place of a cell, counted from 1; null where it or its notebook is not open. */
  numberOf(path: string, cell: string): number | null {
    const index = this._cellsAt(path).findIndex(widget => widget.model.id === cell);
    return index < 0 ? null : index + 1;
  }

  /** The place of the active cell, counted from 1. */
  get activeCell(): number | null {
    const notebook = this._tracker?.currentWidget?.content;
    return notebook?.activeCell ? notebook.activeCellIndex + 1 : null;
  }

  /** The panel that shows `path`; the visible one where there are several. */
  find(path: string): NotebookPanel {
    const shown: NotebookPanel[] = [];
    this._tracker?.forEach(panel => {
      if (this.isAt(panel, path) && !panel.isDisposed) {
        shown.push(panel);
      }
    });
    const panel = shown.find(candidate => candidate.isVisible) ?? shown[0];
    if (!(panel as NotebookPanel | undefined)) {
      throw new Failure('not_found', `${path} is not open in this tab.`, 'Open the notebook and try again.');
    }
    return panel;
  }

  /** The panel whose notebook this is. */
  holding(notebook: unknown): NotebookPanel | null {
    return this._tracker?.find(panel => panel.content === notebook && !panel.isDisposed) ?? null;
  }

  /** Whether the engine can reach what is at a path of the file browser. */
  isOnServer(path: string): boolean {
    return SERVER_DRIVES.has(this._contents.driveName(path));
  }

  /** Its path on the server; null for a notebook of another drive. */
  pathOf(panel: NotebookPanel): string | null {
    return this.serverPath(panel.context.path);
  }

  /** A path of JupyterLab as the server knows it; null for one of another drive. */
  serverPath(path: string): string | null {
    return this.isOnServer(path) ? this._contents.localPath(path) : null;
  }

  private _cellsAt(path: string): readonly Cell[] {
    return this._tracker?.find(panel => this.isAt(panel, path))?.content.widgets ?? [];
  }

  private _isOpen(path: string): boolean {
    return this._tracker?.find(panel => this.pathOf(panel) === path) !== undefined;
  }

  private _watch(panel: NotebookPanel): void {
    let path = this.pathOf(panel);
    panel.sessionContext.kernelChanged.connect(this._emit);
    panel.context.pathChanged.connect(() => {
      const now = this.pathOf(panel);
      if (path !== null && now !== null) {
        this._renames.add(path, now);
      }
      path = now;
      this._emit();
    });
    panel.disposed.connect(this._emit);
    this._emit();
  }

  private readonly _emit = (): void => {
    this._changed.emit();
  };

  private _changed = new Signal<this, void>(this);
  private _contents: Contents.IManager;
  private _expected: string[] = [];
  private _renames = new Renames();
  private _tracker: INotebookTracker | null;
}

function kernelOf(panel: NotebookPanel): string | null {
  return panel.sessionContext.session?.kernel?.id ?? null;
}
