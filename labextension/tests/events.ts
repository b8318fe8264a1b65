/* eslint-disable jupyter/no-untranslated-string -- titles of sessions and edits are data here */
/** Events as the server sends them, with only what a test cares about spelled out. */
import type { CellTarget, Edit, Event, Hunk, MessageDone } from '../src/protocol';

type Told<T extends Event['type']> = Partial<Extract<Event, { type: T }>> & { type: T };
type AnyTold = { [T in Event['type']]: Told<T> }[Event['type']];

export const SESSION = 's1';

export const NO_USAGE = { input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0 };

/** Numbers events in the order they are told. */
export class Log {
  readonly events: Event[] = [];

  tell(...told: AnyTold[]): this {
    for (const each of told) {
      const seq = this.events.length + 1;
      const used = each.type === 'message_done' ? { usage: NO_USAGE, cost: null } : {};
      const stamp = { session: SESSION, run: 'r1', agent: 'main', at: seq };
      this.events.push({ ...stamp, ...used, ...each, seq } as Event);
    }
    return this;
  }

  start(run = 'r1', prompt = 'do it'): this {
    const target = { notebook: 'a.ipynb', kernel: null, cell: null };
    return this.tell({ type: 'run_started', run, prompt, model: 'codemad/offline', edge: 'sidebar', target });
  }

  finish(run = 'r1'): this {
    return this.tell({
      type: 'run_finished',
      run,
      status: 'done',
      text: 'Done.',
      usage: { ...NO_USAGE, input_tokens: 10, output_tokens: 5 },
      cost: 0,
      seconds: 1
    });
  }

  say(id: string, text: string, run = 'r1'): this {
    return this.tell({ type: 'message_done', run, id, message: assistant(text), usage: NO_USAGE, cost: null });
  }

  /** As a store replays it: deltas are never stored. */
  get stored(): Event[] {
    return this.events.filter(event => event.type !== 'text_delta' && event.type !== 'thinking_delta');
  }
}

export function assistant(text: string, thinking = ''): MessageDone['message'] {
  const thought = { type: 'thinking' as const, text: thinking, signature: null, provider: null };
  return { role: 'assistant', parts: [...(thinking ? [thought] : []), { type: 'text', text }] };
}

export function hunk(id: number, old: string[], fresh: string[]): Hunk {
  return { id, start: id * 10, old, new: fresh, status: 'pending' };
}

export function cellEdit(id: string, target: Partial<CellTarget> = {}, change: Partial<Edit> = {}): Edit {
  return {
    id,
    target: {
      type: 'cell',
      notebook: 'a.ipynb',
      op: 'replace',
      cell: 'c1',
      cell_type: 'code',
      anchor: null,
      position: 'after',
      others: [],
      pieces: [],
      ...target
    },
    title: 'A change',
    before: 'a = 1\n',
    after: 'a = 2\n',
    hunks: [hunk(0, ['a = 1\n'], ['a = 2\n'])],
    trial: null,
    diagnosis: null,
    ...change
  };
}

/** A small generator of numbers, so that a failure can be made again from its seed. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
}
