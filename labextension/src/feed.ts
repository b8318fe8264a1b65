/**
 * What is known of the sessions of this tab: events as they arrive become transcripts, the one that is
 * shown becomes the snapshot that views read with `useSyncExternalStore`.
 *
 * Events are gathered and reduced once per animation frame. Nothing is asked of the server here.
 */
import type { Connection } from './client';
import type { ISource } from './source';
import type { IProblem } from './problems';
import { reduce } from './reduce';
import type { Event, ModelInfo, ServerFrame, SessionInfo } from './protocol';
import { emptyTranscript } from './transcript';
import type { ITranscript } from './transcript';

export interface ISnapshot {
  connection: Connection;
  phase: 'closed' | 'loading' | 'replaying' | 'ready' | 'failed';
  sessions: readonly SessionInfo[];
  models: readonly ModelInfo[];
  /** The model of new sessions. */
  defaultModel: string;
  transcript: ITranscript;
  /** A prompt on its way to the server. */
  sending: string | null;
  problem: IProblem | null;
}

const CLOSED: ISnapshot = {
  connection: 'idle',
  phase: 'closed',
  sessions: [],
  models: [],
  defaultModel: '',
  transcript: emptyTranscript(),
  sending: null,
  problem: null
};

export class Feed {
  constructor(client: ISource) {
    client.frames.connect((_, frame) => {
      this._onFrame(frame);
    });
    client.connectionChanged.connect((_, connection) => {
      this.set({ connection });
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  get snapshot(): ISnapshot {
    return this._snapshot;
  }

  /**
   * Sessions shown before go on from where they were. What still arrives of them is taken as well:
   * dropping it would leave a hole when one comes back to the session.
   */
  known(session: string): ITranscript {
    const known = this._transcripts.get(session) ?? emptyTranscript(session);
    this._transcripts.set(session, known);
    return known;
  }

  /** Change what views see; nobody is told where nothing changed. */
  set(change: Partial<ISnapshot>): void {
    const keys = Object.keys(change) as (keyof ISnapshot)[];
    if (keys.some(key => change[key] !== this._snapshot[key])) {
      this._snapshot = { ...this._snapshot, ...change };
      this._listeners.forEach(listener => {
        listener();
      });
    }
  }

  /** Take in what has arrived, at once. */
  readonly flush = (): void => {
    cancelAnimationFrame(this._frame);
    window.clearTimeout(this._timer);
    this._frame = 0;
    const queue = this._queue.splice(0);
    const before = this._snapshot;
    for (const event of queue) {
      this._transcripts.set(event.session, reduce(this.known(event.session), event));
    }
    const transcript = this.known(this._id);
    const change: Partial<ISnapshot> = { transcript };
    if (this._replayed) {
      this._replayed = false;
      change.phase = before.phase === 'replaying' ? 'ready' : before.phase;
    }
    if (queue.some(event => event.type === 'run_started')) {
      change.sending = null;
    }
    if (queue.some(event => event.type === 'session_changed')) {
      change.sessions = before.sessions.map(info => renamed(info, transcript));
    }
    this.set(change);
  };

  private _onFrame(frame: ServerFrame): void {
    if (frame.type === 'event') {
      this._queue.push(frame.event);
      this._schedule();
    } else if (frame.type === 'replayed' && frame.session === this._id) {
      this._replayed = true;
      this._schedule();
    } else if (frame.type === 'stream_error') {
      this.set({ problem: frame.error });
    }
  }

  /** Animation frames stand still in a hidden tab, so a timer stands behind them. */
  private _schedule(): void {
    if (!this._frame) {
      this._frame = requestAnimationFrame(this.flush);
      this._timer = window.setTimeout(this.flush, 250);
    }
  }

  private get _id(): string {
    return this._snapshot.transcript.session;
  }

  private _frame = 0;
  private _listeners = new Set<() => void>();
  private _queue: Event[] = [];
  private _replayed = false;
  private _snapshot: ISnapshot = CLOSED;
  private _timer = 0;
  private _transcripts = new Map<string, ITranscript>();
}

/** What a list of sessions says of the session, after it got another name or model. */
function renamed(info: SessionInfo, { session, title, model }: ITranscript): SessionInfo {
  return info.id === session ? { ...info, title, model } : info;
}
