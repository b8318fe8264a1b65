/**
 * Serves the server's port calls on the notebooks open in this tab, one after the other per notebook.
 *
 * An execution does not hold the others back: a person may accept the next edit while a cell runs.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { Client } from '../client';
import type { CellChange, ErrorValue, PortCall } from '../protocol';
import { apply } from './apply';
import type { OpenNotebooks } from './documents';
import { execute } from './execute';
import { Failure } from './failure';
import { snapshot, view } from './read';
import { TrustMemory } from './trust';

/** A notebook that is only just being opened gets this long to load. */
const LOAD_LIMIT = 10_000;

export class NotebookPort {
  constructor(client: Client, notebooks: OpenNotebooks) {
    this._client = client;
    this._notebooks = notebooks;
    client.frames.connect((_, frame) => {
      if (frame.type === 'port_call') {
        void this._answer(frame);
      }
    });
    notebooks.changed.connect(() => {
      this._greet();
    });
    this._greet();
  }

  /** Serve one call. Throws a `Failure` where it cannot be. */
  async serve(call: PortCall): Promise<unknown> {
    const panel = this._notebooks.find(call.path);
    await loaded(panel, call.path);
    const { model } = panel.content;
    if (!model) {
      throw new Failure('notebook', `${call.path} is still being loaded.`, 'Try again in a moment.');
    }
    switch (call.op) {
      case 'view':
        return view(model, call.path);
      case 'snapshot':
        return snapshot(model, this._trust);
      case 'apply':
        apply(model, changesOf(call), this._trust);
        reveal(panel, changesOf(call));
        return null;
      case 'execute':
        return execute(panel, String(call.arguments.cell), request => {
          this._client.send({ type: 'port_progress', id: call.id, request });
        });
      case 'save':
        await panel.context.save();
        return null;
    }
  }

  private async _answer(call: PortCall): Promise<void> {
    const { id } = call;
    try {
      const value = await this.serve(call);
      this._client.reply({ type: 'port_reply', id, value, error: null });
    } catch (reason) {
      this._client.reply({ type: 'port_reply', id, value: null, error: errorOf(reason, call) });
    }
  }

  /**
   * Said at once: a notebook of which the server has not heard is a file to it, and a change would go there.
   * Most changes, as from cell to cell, are nothing to it.
   */
  private _greet(): void {
    const { list: notebooks, active } = this._notebooks;
    const said = JSON.stringify([notebooks, active]);
    if (said !== this._said) {
      this._said = said;
      this._client.hello({ type: 'hello', client: this._id, notebooks, active });
    }
  }

  private _client: Client;
  private _id = crypto.getRandomValues(new Uint32Array(4)).join('-');
  private _notebooks: OpenNotebooks;
  private _said = '';
  private _trust = new TrustMemory();
}

function changesOf(call: PortCall): CellChange[] {
  const { changes } = call.arguments;
  if (!Array.isArray(changes)) {
    throw new Failure('usage', 'The call to apply names no changes.');
  }
  return changes as CellChange[];
}

async function loaded(panel: NotebookPanel, path: string): Promise<void> {
  let timer = 0;
  const limit = new Promise<never>((_, reject) => {
    timer = window.setTimeout(() => {
      reject(new Failure('notebook', `${path} did not load in time.`, 'Open its tab and try again.'));
    }, LOAD_LIMIT);
  });
  try {
    await Promise.race([panel.context.ready, limit]);
  } finally {
    window.clearTimeout(timer);
  }
}

/**
 * Show what was changed; changed markdown is drawn as text. The active cell and the focus stay where the
 * person works (Lab's `scrollToCell` would take both), and nothing moves under their typing.
 */
function reveal(panel: NotebookPanel, changes: readonly CellChange[]): void {
  const touched = new Set(changes.map(change => change.cell));
  const cells = panel.content.widgets.filter(widget => touched.has(widget.model.id));
  for (const cell of cells) {
    if (cell.model.type === 'markdown' && 'rendered' in cell) {
      cell.rendered = true;
    }
  }
  const last = cells.at(-1);
  const { content } = panel;
  const isTyping = content.mode === 'edit' && content.node.contains(document.activeElement);
  if (last && panel.isVisible && !isTyping) {
    // A later scroll rejects this one.
    content.scrollToItem(content.widgets.indexOf(last), 'smart').catch(() => undefined);
  }
}

function errorOf(reason: unknown, call: PortCall): ErrorValue {
  if (reason instanceof Failure) {
    return reason.value;
  }
  const message = reason instanceof Error ? reason.message : String(reason);
  return { code: 'notebook', message: `${call.op} failed on ${call.path}: ${message}`, hint: '' };
}
