/**
 * Hunks drawn into an editor whose document is the text they were made from: removed lines marked,
 * proposed lines as blocks below them, each with its buttons. The document is never touched.
 */
import { presentableDiff } from '@codemirror/merge';
import type { Extension, Range } from '@codemirror/state';
import { StateEffect, StateField } from '@codemirror/state';
import type { DecorationSet } from '@codemirror/view';
import { Decoration, EditorView, WidgetType } from '@codemirror/view';
import { checkIcon, closeIcon } from '@jupyterlab/ui-components';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IPlace } from '../proposals';

export interface IHunkActions {
  trans: TranslationBundle;
  /** Colours code inside a node; may come later than the text. */
  highlight: (code: string, node: HTMLElement) => void;
  /** Absent where a change can only be taken as a whole. */
  accept?: (hunk: number) => Promise<unknown>;
  reject?: (hunk: number) => Promise<unknown>;
}

const setHunks = StateEffect.define<DecorationSet>();

const hunkField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (value, transaction) => {
    const set = transaction.effects.find(effect => effect.is(setHunks));
    return set ? set.value : value.map(transaction.changes);
  },
  provide: field => EditorView.decorations.from(field)
});

/** For an editor of our own. */
export function hunkExtension(): Extension {
  return hunkField;
}

/** Take the hunks away; an editor that never showed any is left as it is. */
export function clearHunks(view: EditorView): void {
  if (view.state.field(hunkField, false)?.size) {
    view.dispatch({ effects: setHunks.of(Decoration.none) });
  }
}

/** Draw these hunks and no others. */
export function showHunks(view: EditorView, places: readonly IPlace[], actions: IHunkActions): void {
  const hasField = view.state.field(hunkField, false) !== undefined;
  const length = view.state.doc.length;
  const fitting = places.filter(place => place.to <= length + 1);
  const ranges = fitting.flatMap(place => rangesOf(view, place, actions));
  if (!hasField) {
    view.dispatch({ effects: StateEffect.appendConfig.of(hunkField) });
  }
  view.dispatch({ effects: setHunks.of(Decoration.set(ranges, true)) });
}

function rangesOf(view: EditorView, place: IPlace, actions: IHunkActions): Range<Decoration>[] {
  const { doc } = view.state;
  const { old, fresh } = place;
  const from = Math.min(place.from, doc.length);
  const changes = old && fresh && old.length + fresh.length < 20_000 ? alike(old, fresh) : [];
  const widget = new HunkWidget(place, changes, doc.lineAt(from).number, actions);
  if (!old) {
    const isLineStart = doc.lineAt(from).from === from && place.from <= doc.length;
    const isAtEnd = from === doc.length && !(from === 0 || doc.line(doc.lines).length === 0);
    return [Decoration.widget({ widget, block: true, side: isLineStart && !isAtEnd ? -1 : 1 }).range(from)];
  }
  const ranges: Range<Decoration>[] = [];
  const last = doc.lineAt(Math.min(doc.length, Math.max(from, place.to - 1)));
  for (let number = doc.lineAt(from).number; number <= last.number; number++) {
    ranges.push(Decoration.line({ class: 'codemad-line-removed' }).range(doc.line(number).from));
  }
  for (const { fromA, toA } of changes) {
    const end = Math.min(from + toA, doc.length);
    if (from + fromA < end) {
      ranges.push(Decoration.mark({ class: 'codemad-text-removed' }).range(from + fromA, end));
    }
  }
  ranges.push(Decoration.widget({ widget, block: true, side: 1 }).range(last.to));
  return ranges;
}

type Change = ReturnType<typeof presentableDiff>[number];

/** The letters that differ, where enough of the text is alike for that to tell something. */
function alike(old: string, fresh: string): readonly Change[] {
  const changes = presentableDiff(old, fresh, { scanLimit: 500, timeout: 50 });
  const changed = changes.reduce(
    (sum, change) => sum + change.toA - change.fromA + change.toB - change.fromB,
    0
  );
  return changed < 0.6 * (old.length + fresh.length) ? changes : [];
}

class HunkWidget extends WidgetType {
  constructor(
    private _place: IPlace,
    private _changes: readonly Change[],
    private _line: number,
    private _actions: IHunkActions
  ) {
    super();
  }

  override eq(other: HunkWidget): boolean {
    const { hunk, fresh } = this._place;
    const isSame =
      hunk.id === other._place.hunk.id && fresh === other._place.fresh && this._line === other._line;
    return isSame && this._actions === other._actions;
  }

  override toDOM(): HTMLElement {
    const { trans } = this._actions;
    const node = document.createElement('div');
    node.className = 'codemad-hunk-block codemad-surface';
    node.setAttribute('role', 'group');
    node.setAttribute('contenteditable', 'false');
    node.setAttribute('aria-label', trans.__('Proposed change at line %1', this._line.toString()));
    if (this._place.fresh) {
      node.append(this._lines());
    }
    const buttons = this._buttons();
    if (buttons) {
      node.append(buttons);
    }
    return node;
  }

  /** Buttons inside an editor are none of the editor's business. */
  override ignoreEvent(): boolean {
    return true;
  }

  private _lines(): HTMLElement {
    const code = document.createElement('pre');
    code.className = 'codemad-hunk-lines';
    const text = this._place.fresh.replace(/\n$/, '');
    code.textContent = text || ' ';
    this._mark(code);
    this._actions.highlight(text, code);
    if (this._changes.length) {
      // Colours replace the text, so the marks are made again once they are there.
      const observer = new MutationObserver(() => {
        observer.disconnect();
        this._mark(code);
      });
      observer.observe(code, { childList: true });
    }
    return code;
  }

  private _mark(code: HTMLElement): void {
    for (const { fromB, toB } of this._changes) {
      markText(code, fromB, toB);
    }
  }

  private _buttons(): HTMLElement | null {
    const { accept, reject, trans } = this._actions;
    if (!accept || !reject) {
      return null;
    }
    const { id } = this._place.hunk;
    const row = document.createElement('div');
    row.className = 'codemad-hunk-buttons';
    const where = this._line.toString();
    row.append(
      button(checkIcon, trans.__('Accept the change at line %1', where), () => accept(id)),
      button(closeIcon, trans.__('Reject the change at line %1', where), () => reject(id))
    );
    return row;
  }
}

function button(icon: LabIcon, label: string, run: () => Promise<unknown>): HTMLButtonElement {
  const node = document.createElement('button');
  node.type = 'button';
  node.className = 'codemad-button codemad-button-plain codemad-button-icon';
  node.title = label;
  node.setAttribute('aria-label', label);
  const image = icon.element({ tag: 'span', className: 'codemad-icon' });
  image.setAttribute('aria-hidden', 'true');
  node.append(image);
  node.addEventListener('click', () => {
    node.disabled = true;
    void run().finally(() => {
      node.disabled = false;
    });
  });
  return node;
}

/** Wrap the characters from `from` to `to` of a node's text, whatever elements they are in. */
export function markText(root: HTMLElement, from: number, to: number): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts: [Text, number][] = [];
  let at = 0;
  while (walker.nextNode()) {
    texts.push([walker.currentNode as Text, at]);
    at += (walker.currentNode as Text).length;
  }
  for (const [text, start] of texts) {
    const first = Math.max(from - start, 0);
    const last = Math.min(to - start, text.length);
    if (first < last) {
      const range = document.createRange();
      range.setStart(text, first);
      range.setEnd(text, last);
      const mark = document.createElement('span');
      mark.className = 'codemad-text-added';
      range.surroundContents(mark);
    }
  }
}
