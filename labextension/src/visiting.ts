/**
 * The session of somebody else of the hub, as a source of events: our own server fetches them and hands them out
 * as data. Nothing goes there but comments and, where that is shared, prompts.
 */
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Client, Connection } from './client';
import type { ISource } from './source';
import { RequestError, retryDelay } from './client';
import { problemOf } from './problems';
import type { Ack, Command, Event, ModelInfo, ServerFrame, SessionInfo, SharedWithMe } from './protocol';

/** Milliseconds before asking again where nothing came; the server waits for far longer. */
const IDLE = 250;

export class Visiting implements ISource {
  constructor(client: Client, there: SharedWithMe) {
    this._client = client;
    this._there = there;
  }

  get frames(): ISignal<this, ServerFrame> {
    return this._frames;
  }

  get connectionChanged(): ISignal<this, Connection> {
    return this._connectionChanged;
  }

  async sessions(): Promise<{ sessions: SessionInfo[]; current: string | null }> {
    return Promise.resolve({ sessions: [], current: this._there.session });
  }

  async models(): Promise<{ models: ModelInfo[]; default: string }> {
    return Promise.resolve({ models: [], default: '' });
  }

  /** Take a prompt; there is no other command. */
  async command(command: Command): Promise<Ack> {
    if (command.type !== 'prompt') {
      const message = 'This is decided by the one whose session it is.';
      throw new RequestError({ code: 'denied', message, hint: '' }, 403);
    }
    await this._say('prompt', command.text);
    return { session: this._there.session, run: null, seq: 0 };
  }

  async comment(text: string): Promise<void> {
    return this._say('comment', text);
  }

  follow(_: string, after: () => number): void {
    void this._listen(after);
  }

  dispose(): void {
    this._gone.abort();
    Signal.clearData(this);
  }

  /** Ask for what there is, then for what comes, until it is shared no more or nobody looks. */
  private async _listen(after: () => number): Promise<void> {
    const { session } = this._there;
    let [failures, isReplayed, last] = [0, false, after()];
    while (!this._isGone()) {
      try {
        const events = await this._fetch(last, isReplayed);
        failures = 0;
        this._connectionChanged.emit('open');
        const fresh = events.filter(event => event.seq === 0 || event.seq > last);
        fresh.forEach(event => {
          last = Math.max(last, event.seq);
          this._frames.emit({ type: 'event', event });
        });
        if (!fresh.length && isReplayed) {
          await pause(IDLE);
        } else if (!fresh.length) {
          isReplayed = true;
          this._frames.emit({ type: 'replayed', session, seq: last });
        }
      } catch (reason) {
        if (this._isGone()) {
          return;
        }
        this._frames.emit({ type: 'stream_error', error: problemOf(reason) });
        this._connectionChanged.emit('lost');
        if (reason instanceof RequestError && reason.status === 403) {
          return;
        }
        await pause(retryDelay(failures));
        failures += 1;
      }
    }
  }

  private _isGone(): boolean {
    return this._gone.signal.aborted;
  }

  private async _fetch(after: number, wait: boolean): Promise<Event[]> {
    const { owner, session } = this._there;
    const words = new URLSearchParams({ owner, session, after: after.toString(), wait: wait ? '1' : '0' });
    const { signal } = this._gone;
    const found = await this._client.request<{ events: Event[] }>(
      'shared/events',
      { signal },
      `?${words.toString()}`
    );
    return found.events;
  }

  private async _say(kind: 'comment' | 'prompt', text: string): Promise<void> {
    const { owner, session } = this._there;
    const body = JSON.stringify({ owner, session, kind, text });
    await this._client.request('shared/words', { method: 'POST', body });
  }

  private _client: Client;
  private _connectionChanged = new Signal<this, Connection>(this);
  private _frames = new Signal<this, ServerFrame>(this);
  private _gone = new AbortController();
  private _there: SharedWithMe;
}

async function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => {
    window.setTimeout(resolve, milliseconds);
  });
}
