/**
 * The notebooks open in this tab, by their path on the server, and where the person stands.
 *
 * Notebooks of other drives are none of the engine's: it cannot reach their files.
 */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { OpenNotebook, Target } from '../protocol';
import { Failure } from './failure';

/** The real-time collaboration drive shows the server's own files. */
const SERVER_DRIVES = new Set(['', 'RTC']);

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

  get list(): OpenNotebook[] {
    const found = new Map<string, OpenNotebook>();
    this._tracker?.forEach(panel => {
      const path = this._path(panel);
      if (path !== null) {
        found.set(path, { path, kernel: kernelOf(panel) });
      }
    });
    return [...found.values()];
  }

  get active(): string | null {
    const panel = this._tracker?.currentWidget;
    return panel ? this._path(panel) : null;
  }

  get target(): Target {
    const panel = this._tracker?.currentWidget;
    const notebook = panel ? this._path(panel) : null;
    if (!panel || notebook === null) {
      return { notebook: null, kernel: null, cell: null };
    }
    return { notebook, kernel: kernelOf(panel), cell: panel.content.activeCell?.model.id ?? null };
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
      if (this._path(panel) === path && !panel.isDisposed) {
        shown.push(panel);
      }
    });
    const panel = shown.find(candidate => candidate.isVisible) ?? shown[0];
    if (!(panel as NotebookPanel | undefined)) {
      throw new Failure('not_found', `${path} is not open in this tab.`, 'Open the notebook and try again.');
    }
    return panel;
  }

  private _path(panel: NotebookPanel): string | null {
    const { path } = panel.context;
    return SERVER_DRIVES.has(this._contents.driveName(path)) ? this._contents.localPath(path) : null;
  }

  private _watch(panel: NotebookPanel): void {
    panel.sessionContext.kernelChanged.connect(this._emit);
    panel.context.pathChanged.connect(this._emit);
    panel.disposed.connect(this._emit);
    this._emit();
  }

  private readonly _emit = (): void => {
    this._changed.emit();
  };

  private _changed = new Signal<this, void>(this);
  private _contents: Contents.IManager;
  private _tracker: INotebookTracker | null;
}

function kernelOf(panel: NotebookPanel): string | null {
  return panel.sessionContext.session?.kernel?.id ?? null;
}
