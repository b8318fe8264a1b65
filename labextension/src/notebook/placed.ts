/**
 * The widgets of the proposals inside the cells of one notebook, and where each proposal stands.
 *
 * What a widget shows is drawn by who owns this; the widgets scroll, are measured and come back with
 * their cells.
 */
import type { Cell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type React from 'react';

import type { IOpen, IShown, ISlot } from '../proposals';
import { slotsOf, walk } from '../proposals';
import type { InlineHunks } from './inline';
import { Mounted } from './slot';

const NOTHING: ReadonlySet<string> = new Set();

type Draw = (shown: readonly IShown[], inline: ReadonlySet<string>) => React.JSX.Element;

export class Placed {
  constructor(panel: NotebookPanel, inline: InlineHunks, draw: Draw) {
    this._panel = panel;
    this._inline = inline;
    this._draw = draw;
  }

  /** Show these proposals at their places, and no others. */
  show(open: readonly IOpen[]): void {
    this._slots = open.length ? slotsOf(this.ids, open) : [];
    this._mount();
  }

  /** Draw the widgets again. */
  update(): void {
    this._mounted.forEach(mounted => {
      mounted.update();
    });
  }

  get ids(): string[] {
    return this._panel.content.widgets.map(cell => cell.model.id);
  }

  /** The proposals in the order of the notebook. */
  get order(): string[] {
    return walk(this.ids, this._slots);
  }

  /** The place of the cell that a proposal is shown at; -1 where it is not shown. */
  placeOf(edit: string): number {
    const slot = this._slots.find(each => each.shown.some(shown => shown.open.proposal.edit.id === edit));
    return slot ? this.ids.indexOf(slot.cell) : -1;
  }

  /** The first proposal that is shown at a cell. */
  editAt(cell: string | undefined): string | undefined {
    return this._slots.find(slot => slot.cell === cell)?.shown[0].open.proposal.edit.id;
  }

  /** The first proposal at or after the active cell, or the last one before it: its place in `order`. */
  nearest(order: readonly string[], by: 1 | -1): number {
    const active = this._panel.content.activeCellIndex;
    const places = order.map(edit => this.placeOf(edit));
    const ahead = places.findIndex(place => place >= active);
    const passed = places.filter(place => place <= active).length - 1;
    const index = by > 0 ? ahead : passed;
    return index < 0 ? (by > 0 ? 0 : order.length - 1) : index;
  }

  card(edit: string): HTMLElement | null {
    return this._panel.content.node.querySelector(`[data-codemad-edit="${CSS.escape(edit)}"]`);
  }

  /** Make, keep and take away the widgets in the cells, and the decorations of their editors. */
  private _mount(): void {
    const cells = new Map(
      this._panel.isDisposed ? [] : this._panel.content.widgets.map(cell => [cell.model.id, cell])
    );
    const wanted = new Map(this._slots.map(slot => [`${slot.slot} ${slot.cell}`, slot]));
    for (const [key, mounted] of [...this._mounted]) {
      if (!wanted.has(key) || mounted.cell !== cells.get(mounted.cellId) || mounted.isDisposed) {
        this._mounted.delete(key);
        mounted.remove();
      }
    }
    for (const [key, slot] of wanted) {
      const cell = cells.get(slot.cell);
      if (cell) {
        this._mountOne(key, slot, cell);
      }
    }
  }

  private _mountOne(key: string, slot: ISlot, cell: Cell): void {
    if (cell.isPlaceholder()) {
      // A cell that was never near the visible part has no inside yet.
      void cell.ready.then(() => {
        if (!cell.isDisposed && !this._mounted.has(key) && this._slots.includes(slot)) {
          this._mountOne(key, slot, cell);
        }
      });
      return;
    }
    const mounted = this._mounted.get(key) ?? new Mounted(cell, slot.slot, this._draw);
    this._mounted.set(key, mounted);
    mounted.fill(slot.shown, slot.slot === 'input' ? this._inline.draw(cell, slot.shown) : NOTHING);
  }

  private _draw: Draw;
  private _inline: InlineHunks;
  private _mounted = new Map<string, Mounted>();
  private _panel: NotebookPanel;
  private _slots: readonly ISlot[] = [];
}
