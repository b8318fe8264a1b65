/** A widget of ours inside a cell: above it, right under its input, or below its outputs. */
import { ReactWidget } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import { CodeMirrorEditor } from '@jupyterlab/codemirror';
import type { PanelLayout, Widget } from '@lumino/widgets';
import type React from 'react';

import type { IShown, Slot } from '../proposals';
import { clearHunks } from '../views/hunkdiff';

/** The widget in one slot of a cell; the cell carries it through scrolling and hiding. */
export class Mounted extends ReactWidget {
  constructor(
    readonly cell: Cell,
    slot: Slot,
    draw: (shown: readonly IShown[], inline: ReadonlySet<string>) => React.JSX.Element
  ) {
    super();
    this._slot = slot;
    this._draw = draw;
    this._cellId = cell.model.id;
    this.addClass('codemad-slot');
    this.addClass(`codemad-slot-${slot}`);
    this.addClass('codemad-surface');
    keepToItself(this, cell);
    putInto(cell, this, slot);
  }

  /** The cell it was made for. */
  get cellId(): string {
    return this._cellId;
  }

  fill(shown: readonly IShown[], inline: ReadonlySet<string>): void {
    this._shown = shown;
    this._inline = inline;
    const isDeleted = shown.some(({ open }) => open.proposal.edit.target.op === 'delete');
    const isMoved = shown.some(({ part }) => part === 'from');
    if (this._slot === 'input') {
      this.cell.toggleClass('codemad-cell-deleted', isDeleted);
      this.cell.toggleClass('codemad-cell-moved', isMoved);
    }
    this.update();
  }

  /** Away with it, and with what it did to its cell. */
  remove(): void {
    if (!this.cell.isDisposed && this._slot === 'input') {
      this.cell.removeClass('codemad-cell-deleted');
      this.cell.removeClass('codemad-cell-moved');
      if (this.cell.editor instanceof CodeMirrorEditor) {
        clearHunks(this.cell.editor.editor);
      }
    }
    this.dispose();
  }

  protected override render(): React.JSX.Element {
    return this._draw(this._shown, this._inline);
  }

  private _cellId: string;
  private _draw: (shown: readonly IShown[], inline: ReadonlySet<string>) => React.JSX.Element;
  private _inline: ReadonlySet<string> = new Set();
  private _shown: readonly IShown[] = [];
  private _slot: Slot;
}

/** Put a widget into a cell, which measures it and takes it along wherever the cell goes. */
export function putInto(cell: Cell, widget: Widget, slot: Slot): void {
  const layout = cell.layout as PanelLayout;
  const classes: Record<Slot, string> = {
    above: 'jp-Cell-inputWrapper',
    input: 'jp-Cell-inputWrapper',
    below: 'jp-CellFooter'
  };
  const index = layout.widgets.findIndex(each => each.hasClass(classes[slot]));
  layout.insertWidget(index + (slot === 'input' ? 1 : 0), widget);
}

/** Lab's keys for cells ("d d" deletes one) and its clicks are not meant for what is in the widget. */
export function keepToItself(widget: Widget, cell: Cell): void {
  widget.node.addEventListener('keydown', event => {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === 'Escape') {
      cell.node.focus({ preventScroll: true });
    }
    if (isPlain) {
      event.stopPropagation();
    }
  });
  for (const name of ['mousedown', 'dblclick']) {
    widget.node.addEventListener(name, event => {
      event.stopPropagation();
    });
  }
}
