/**
 * Fix and Explain under cells that failed: one small line, gone as soon as the cell runs again.
 *
 * Looks at a notebook's cells when it is opened and at a cell when it has run; costs nothing while
 * outputs stream or the person types.
 */
import { ReactWidget } from '@jupyterlab/apputils';
import type { Cell, ICodeCellModel } from '@jupyterlab/cells';
import { isCodeCellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { NotebookActions } from '@jupyterlab/notebook';
import React from 'react';

import type { IPanelContext } from '../views/context';
import { PanelContext, usePanel, useSession } from '../views/context';
import { Button } from '../views/button';
import { explainIcon, fixIcon } from '../views/icons';
import { keepToItself, putInto } from './slot';

export type ChipAction = (kind: 'fix' | 'explain', panel: NotebookPanel, cell: Cell) => void;

export class FailureChips {
  constructor(context: IPanelContext, act: ChipAction) {
    this._context = context;
    this._act = act;
    NotebookActions.executionScheduled.connect((_, { cell }) => {
      this._remove(cell);
    });
    NotebookActions.executed.connect((_, { notebook, cell }) => {
      const panel = [...this._panels].find(each => each.content === notebook);
      if (panel) {
        this._look(panel, cell);
      }
    });
  }

  /** Whether chips are wanted; those that stand go away when they are not. */
  get isOn(): boolean {
    return this._isOn;
  }

  set isOn(value: boolean) {
    this._isOn = value;
    [...this._chips.keys()].forEach(cell => {
      this._remove(cell);
    });
    this._panels.forEach(panel => {
      this._lookAll(panel);
    });
  }

  watch(panel: NotebookPanel): void {
    this._panels.add(panel);
    panel.disposed.connect(() => {
      this._panels.delete(panel);
    });
    void panel.context.ready.then(() => {
      this._lookAll(panel);
    });
  }

  private _lookAll(panel: NotebookPanel): void {
    if (this._isOn && !panel.isDisposed) {
      panel.content.widgets.forEach(cell => {
        this._look(panel, cell);
      });
    }
  }

  private _look(panel: NotebookPanel, cell: Cell): void {
    if (!this._isOn || cell.isDisposed || !hasFailed(cell)) {
      this._remove(cell);
      return;
    }
    if (this._chips.has(cell)) {
      return;
    }
    if (cell.isPlaceholder()) {
      void cell.ready.then(() => {
        this._look(panel, cell);
      });
      return;
    }
    const chip = new Chip(this._context, kind => {
      this._act(kind, panel, cell);
    });
    keepToItself(chip, cell);
    putInto(cell, chip, 'below');
    this._chips.set(cell, chip);
    const { outputs } = cell.model as ICodeCellModel;
    const check = (): void => {
      if (!hasFailed(cell)) {
        this._remove(cell);
      }
    };
    outputs.changed.connect(check);
    chip.disposed.connect(() => {
      this._chips.delete(cell);
      outputs.changed.disconnect(check);
    });
  }

  private _remove(cell: Cell): void {
    this._chips.get(cell)?.dispose();
  }

  private _act: ChipAction;
  private _chips = new Map<Cell, Chip>();
  private _context: IPanelContext;
  private _isOn = true;
  private _panels = new Set<NotebookPanel>();
}

/** Whether a cell shows an error. */
export function hasFailed(cell: Cell): boolean {
  const { model } = cell;
  if (!isCodeCellModel(model)) {
    return false;
  }
  const { outputs } = model;
  return Array.from({ length: outputs.length }, (_, index) => outputs.get(index)).some(
    output => output.type === 'error'
  );
}

class Chip extends ReactWidget {
  constructor(context: IPanelContext, act: (kind: 'fix' | 'explain') => void) {
    super();
    this._context = context;
    this._act = act;
    this.addClass('codemad-chip');
    this.addClass('codemad-surface');
  }

  protected override render(): React.JSX.Element {
    return (
      <PanelContext.Provider value={this._context}>
        <ChipContent act={this._act} />
      </PanelContext.Provider>
    );
  }

  private _act: (kind: 'fix' | 'explain') => void;
  private _context: IPanelContext;
}

function ChipContent({ act }: { act: (kind: 'fix' | 'explain') => void }): React.JSX.Element {
  const { trans } = usePanel();
  const isRunning = useSession(({ transcript, sending }) => transcript.running !== null || sending !== null);
  return (
    <div
      className="codemad-chip-line"
      role="group"
      aria-label={trans.__('This cell failed')}
      hidden={isRunning}
    >
      <Button
        kind="quiet"
        icon={fixIcon}
        onClick={() => {
          act('fix');
        }}
      >
        {trans.__('Fix')}
      </Button>
      <Button
        kind="quiet"
        icon={explainIcon}
        onClick={() => {
          act('explain');
        }}
      >
        {trans.__('Explain')}
      </Button>
    </div>
  );
}
