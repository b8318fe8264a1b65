/**
 * Shows the open proposals of one notebook at their places, and nothing when there are none.
 *
 * The document is never changed: what is shown lives in widgets inside the cells, which scroll, are
 * measured and come back with them, and in decorations of the cells' editors. What is shown where is
 * decided in `proposals`; settling is left to the session.
 */
import type { ReactWidget } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import React from 'react';

import type { IOpen, IShown } from '../proposals';
import { isRunnable, isSame } from '../proposals';
import type { IPanelContext } from '../views/context';
import { PanelContext } from '../views/context';
import { Listening } from '../views/listening';
import { ReviewCard } from '../views/review';
import { ReviewBar } from '../views/reviewbar';
import { BarWidget } from './bar';
import { InlineHunks } from './inline';
import { Placed } from './placed';

/** Typing in a cell that has a proposal: whether it still fits is looked at when the keys rest. */
const REST = 200;
/** How long going to a proposal waits for Lab to draw its cell, and how often it looks. */
const REACHED_WITHIN = 60_000;
const STEP = 60;

export class NotebookReview implements IDisposable {
  constructor(panel: NotebookPanel, context: IPanelContext, openDiff: (edit: string) => void) {
    this._panel = panel;
    this._context = context;
    this._openDiff = openDiff;
    this._placed = new Placed(panel, new InlineHunks(context, this.settle), this._drawSlot);
    panel.content.modelContentChanged.connect(this._later);
    panel.disposed.connect(() => {
      this.dispose();
    });
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** The proposals shown here. */
  get open(): readonly IOpen[] {
    return this._open;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      window.clearTimeout(this._timer);
      this._clear();
      Signal.clearData(this);
    }
  }

  /** Show these and no others. `files` are the proposals for files of the same turns. */
  show(open: readonly IOpen[], files: readonly IOpen[]): void {
    if (isSame(open, this._open) && isSame(files, this._files)) {
      return;
    }
    this._open = open;
    this._files = files;
    this._draw();
  }

  /** Go to the next or the previous proposal, in the order of the notebook, round and round. */
  step(by: 1 | -1): void {
    const { order } = this._placed;
    const at = this._current === null ? -1 : order.indexOf(this._current);
    const start = at < 0 ? this._placed.nearest(order, by) : at + by;
    const next = order.at(((start % order.length) + order.length) % order.length);
    if (next !== undefined) {
      this.goTo(next);
    }
  }

  /** The proposal that a key is meant for: where the focus is, else the one gone to last, else the active cell's. */
  get current(): IOpen | null {
    const focused = document.activeElement?.closest<HTMLElement>('[data-codemad-edit]')?.dataset.codemadEdit;
    const active = this._panel.content.activeCell?.model.id;
    const { order } = this._placed;
    for (const id of [focused, this._current, this._placed.editAt(active), order.at(0)]) {
      const found = this._open.find(open => open.proposal.edit.id === id);
      if (found) {
        return found;
      }
    }
    return null;
  }

  /** Scroll to a proposal and put the focus on it. */
  goTo(edit: string): void {
    const { content } = this._panel;
    const index = this._placed.placeOf(edit);
    this._current = edit;
    this._update();
    if (index >= 0) {
      void this._reach(content.widgets[index], index, edit);
    }
  }

  /** Lab draws the cells of a long notebook bit by bit: one far down may not be there yet. */
  private async _reach(cell: Cell, index: number, edit: string): Promise<void> {
    const { content } = this._panel;
    content.deselectAll();
    content.activeCellIndex = index;
    const end = Date.now() + REACHED_WITHIN;
    while (this._current === edit && !cell.isDisposed && Date.now() < end) {
      void content.scrollToItem(content.widgets.indexOf(cell), 'smart').catch(() => undefined);
      await new Promise(resolve => setTimeout(resolve, STEP));
      const card = this._placed.card(edit);
      if (card) {
        card.focus({ preventScroll: true });
        card.scrollIntoView({ block: 'nearest' });
        return;
      }
    }
  }

  /** Give the focus back to the notebook. */
  leave(): void {
    const { content } = this._panel;
    content.activeCell?.node.focus({ preventScroll: true });
  }

  /** Settle a proposal; where the focus was on it, it goes on to the next one, unless the person types by then. */
  readonly settle = async (edit: string, act: () => Promise<unknown>): Promise<unknown> => {
    const { order } = this._placed;
    const at = order.indexOf(edit);
    const focused = document.activeElement;
    const hadFocus = this._panel.node.contains(focused);
    const value = await act();
    await this._settled(edit);
    const isLeft = this._open.some(open => open.proposal.edit.id === edit);
    const left = order.filter(id => this._open.some(open => open.proposal.edit.id === id));
    if (hadFocus && !isLeft && !typesElsewhere(focused)) {
      const next = [...order.slice(at + 1), ...order.slice(0, at)].find(id => left.includes(id));
      if (next === undefined) {
        this._current = null;
        this.leave();
      } else {
        this.goTo(next);
      }
    }
    return value;
  };

  acceptAll(execute: boolean): Promise<unknown> {
    return this._each(run => this._context.session.acceptRun(run, execute));
  }

  rejectAll(): Promise<unknown> {
    return this._each(run => this._context.session.rejectRun(run));
  }

  /** A turn is settled as a whole, also what of it concerns other documents. */
  private async _each(act: (run: string) => Promise<unknown>): Promise<void> {
    const focused = document.activeElement;
    for (const run of new Set(this._open.map(open => open.run))) {
      await act(run);
    }
    if (this._open.length === 0 && !typesElsewhere(focused)) {
      this.leave();
    }
  }

  /** The command is answered before its events are drawn. */
  private async _settled(edit: string): Promise<void> {
    const was = this._open.find(open => open.proposal.edit.id === edit);
    for (let waited = 0; waited < 1000 && was && this._open.includes(was); waited += 50) {
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }

  private readonly _later = (): void => {
    if (this._open.length) {
      window.clearTimeout(this._timer);
      this._timer = window.setTimeout(() => {
        this._draw();
      }, REST);
    }
  };

  private _draw(): void {
    if (this._isDisposed) {
      return;
    }
    if (this._open.length === 0) {
      this._clear();
      return;
    }
    this._panel.addClass('codemad-reviewing');
    this._placed.show(this._open);
    this._drawBar();
  }

  private _clear(): void {
    window.clearTimeout(this._timer);
    this._current = null;
    this._placed.show([]);
    this._bar?.dispose();
    this._bar = null;
    if (!this._panel.isDisposed) {
      this._panel.removeClass('codemad-reviewing');
    }
  }

  private readonly _drawSlot = (shown: readonly IShown[], inline: ReadonlySet<string>): React.JSX.Element => (
    <PanelContext.Provider value={this._context}>
      {shown.map(each => {
        const { id } = each.open.proposal.edit;
        return (
          <ReviewCard
            key={`${id} ${each.part}`}
            shown={each}
            isCurrent={id === this._current}
            isInline={inline.has(id)}
            numberOf={this._numberOf}
            settle={this.settle}
          />
        );
      })}
    </PanelContext.Provider>
  );

  private readonly _numberOf = (cell: string): number | null => {
    const index = this._placed.ids.indexOf(cell);
    return index < 0 ? null : index + 1;
  };

  private _drawBar(): void {
    if (!this._bar) {
      this._bar = new BarWidget(
        <PanelContext.Provider value={this._context}>
          <Listening to={this._changed}>{() => this._barContent()}</Listening>
        </PanelContext.Provider>
      );
      this._panel.contentHeader.addWidget(this._bar);
    }
    this._changed.emit();
  }

  private _barContent(): React.JSX.Element {
    const { order } = this._placed;
    const at = this._current === null ? -1 : order.indexOf(this._current);
    return (
      <ReviewBar
        cells={this._open}
        files={this._files}
        place={at < 0 ? null : at + 1}
        isRunnable={this._open.some(({ proposal }) => isRunnable(proposal.edit))}
        next={() => {
          this.step(1);
        }}
        previous={() => {
          this.step(-1);
        }}
        openDiff={this._openDiff}
        acceptAll={execute => this.acceptAll(execute)}
        rejectAll={() => this.rejectAll()}
      />
    );
  }

  private _update(): void {
    this._placed.update();
    this._changed.emit();
  }

  private _bar: ReactWidget | null = null;
  private _changed = new Signal<this, void>(this);
  private _context: IPanelContext;
  private _current: string | null = null;
  private _files: readonly IOpen[] = [];
  private _isDisposed = false;
  private _open: readonly IOpen[] = [];
  private _openDiff: (edit: string) => void;
  private _panel: NotebookPanel;
  private _placed: Placed;
  private _timer = 0;
}

/** Whether text is being typed at another place than where the focus was. */
function typesElsewhere(focused: Element | null): boolean {
  const now = document.activeElement;
  const isEditable = now instanceof HTMLElement && (now.isContentEditable || now.matches('input, textarea'));
  return isEditable && now !== focused;
}
