/**
 * The session shown in this tab: feeds the reducer from the client and turns clicks into commands.
 *
 * Views subscribe with `useSyncExternalStore`. Events are gathered and reduced once per animation
 * frame. Nothing is asked of the server before `open`, so that a tab without the panel costs nothing.
 */
import type { Client, Connection } from './client';
import { GAVE_UP, type IProblem, PROMPT_LIMIT, problemOf, tooLong } from './problems';
import { Quotes } from './quotes';
import { reduce } from './reduce';
import type { Ack, Command, Event, ModelInfo, Prompt, ServerFrame, SessionInfo, Target } from './protocol';
import { emptyTranscript, proposalIn, renamed } from './transcript';
import type { IProposal, ITranscript } from './transcript';

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

export interface IPromptOptions {
  intent?: Prompt['intent'];
  target?: Target;
  attachments?: Prompt['attachments'];
}

export class Session {
  constructor(client: Client, target: () => Target) {
    this._client = client;
    this._target = target;
    client.frames.connect((_, frame) => {
      this._onFrame(frame);
    });
    client.connectionChanged.connect((_, connection) => {
      this._onConnection(connection);
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  /** What the next message is about besides its words. */
  readonly quotes = new Quotes();

  readonly getSnapshot = (): ISnapshot => this._snapshot;

  /** The panel was shown: load what it needs, once. */
  async open(): Promise<void> {
    if (this._snapshot.phase === 'closed') {
      await this.load();
    }
  }

  /** Load sessions and models, and show the current session. */
  async load(): Promise<void> {
    this._set({ phase: 'loading', problem: null });
    try {
      const [{ sessions, current }, models] = await Promise.all([
        this._client.sessions(),
        this._client.models()
      ]);
      this._set({ sessions, models: models.models, defaultModel: models.default, phase: 'ready' });
      if (current) {
        this.choose(current);
      }
    } catch (reason) {
      this._set({ phase: 'failed', problem: problemOf(reason) });
    }
  }

  /** Show another session. */
  choose(session: string): void {
    if (session !== this._snapshot.transcript.session) {
      this._flush();
      this._set({ transcript: this._known(session), phase: 'replaying', sending: null, problem: null });
      this._client.follow(session, () => this._known(session).seq);
    }
  }

  /** Open a fresh session and show it. */
  async create(): Promise<boolean> {
    const ack = await this.command({ type: 'new_session' });
    if (ack) {
      this.choose(ack.session);
      await this._reload();
    }
    return ack !== null;
  }

  /** Ask. True when the server took the prompt, so that the text may be forgotten. */
  async submit(text: string, options: IPromptOptions = {}): Promise<boolean> {
    if (text.length > PROMPT_LIMIT) {
      this._set({ problem: tooLong(text.length) });
      return false;
    }
    if (this._snapshot.phase === 'closed' || this._snapshot.phase === 'failed') {
      await this.load();
    }
    if (this._snapshot.phase === 'failed' || this._snapshot.sending !== null) {
      return false;
    }
    if (!this._snapshot.transcript.session && !(await this.create())) {
      return false;
    }
    this._set({ sending: text });
    const { intent = 'auto', target = this._target(), attachments } = options;
    const { session } = this._snapshot.transcript;
    const told = { session, text, target, intent, ...(attachments?.length ? { attachments } : {}) };
    const ack = await this.command({ type: 'prompt', ...told, edge: 'sidebar' });
    const begun = this._snapshot.transcript.entries.some(entry => entry.key === ack?.run);
    if (!ack || begun) {
      this._set({ sending: null });
    }
    return ack !== null;
  }

  async cancel(): Promise<void> {
    await this.command({ type: 'cancel', session: this._id, run: this._snapshot.transcript.running });
  }

  async approve(approval: string): Promise<void> {
    await this.command({ type: 'approve', session: this._id, approval });
  }

  async reject(approval: string, reason = ''): Promise<void> {
    await this.command({ type: 'reject', session: this._id, approval, reason });
  }

  /** Apply hunks of an edit (null: all that are pending), and run the cell if asked. */
  async acceptEdit(edit: string, hunks: number[] | null, execute = false): Promise<void> {
    await this.command({ type: 'accept_edit', session: this._id, edit, hunks, execute });
    // The answer comes when the cell has run; a proxy may give up hours before. The events tell it all.
    const { problem } = this._snapshot;
    const status = this.editOf(edit)?.status ?? 'pending';
    if (problem && GAVE_UP.has(problem.code) && status !== 'pending') {
      this.dismiss();
    }
  }

  async rejectEdit(edit: string, hunks: number[] | null): Promise<void> {
    await this.command({ type: 'reject_edit', session: this._id, edit, hunks });
  }

  /** Try a proposal again, away from the person's kernel. */
  async tryEdit(edit: string): Promise<void> {
    await this.command({ type: 'try_edit', session: this._id, edit });
  }

  /** Apply all that is pending of a run, and run the touched cells if asked. */
  async acceptRun(run: string, execute = false): Promise<void> {
    await this.command({ type: 'accept_run', session: this._id, run, execute });
  }

  async rejectRun(run: string): Promise<void> {
    await this.command({ type: 'reject_run', session: this._id, run });
  }

  async undo(run: string): Promise<void> {
    await this.command({ type: 'undo', session: this._id, run });
  }

  async redo(): Promise<void> {
    await this.command({ type: 'redo', session: this._id });
  }

  async rename(title: string): Promise<void> {
    await this.command({ type: 'rename_session', session: this._id, title });
  }

  /** Use another model from now on; without a session one is opened to remember it. */
  async chooseModel(model: string): Promise<void> {
    if (await this.ensure()) {
      await this.command({ type: 'choose_model', session: this._id, model });
    }
  }

  /** Ask again which models could be called: keys come and go, and local servers start. */
  async reloadModels(): Promise<void> {
    try {
      const { models, default: defaultModel } = await this._client.models(true);
      this._set({ models, defaultModel });
    } catch (reason) {
      this._set({ problem: problemOf(reason) });
    }
  }

  /** A proposal of the session that is shown. */
  editOf(edit: string): IProposal | null {
    return proposalIn(this._snapshot.transcript, edit);
  }

  dismiss(): void {
    this._set({ problem: null });
  }

  /**
   * Sessions shown before go on from where they were. What still arrives of them is taken as well:
   * dropping it would leave a hole when one comes back to the session.
   */
  private _known(session: string): ITranscript {
    const known = this._transcripts.get(session) ?? emptyTranscript(session);
    this._transcripts.set(session, known);
    return known;
  }

  private get _id(): string {
    return this._snapshot.transcript.session;
  }

  /** A session that commands can name: the one shown, else a fresh one. */
  async ensure(): Promise<boolean> {
    await this.open();
    return this._id !== '' || this.create();
  }

  /** Give a command; null when it was refused, which is then shown. */
  async command(command: Command): Promise<Ack | null> {
    try {
      this._set({ problem: null });
      return await this._client.command(command);
    } catch (reason) {
      this._set({ problem: problemOf(reason) });
      return null;
    }
  }

  private async _reload(): Promise<void> {
    try {
      this._set({ sessions: (await this._client.sessions()).sessions });
    } catch (reason) {
      this._set({ problem: problemOf(reason) });
    }
  }

  private _onFrame(frame: ServerFrame): void {
    if (frame.type === 'event') {
      this._queue.push(frame.event);
      this._schedule();
    } else if (frame.type === 'replayed' && frame.session === this._id) {
      this._replayed = true;
      this._schedule();
    } else if (frame.type === 'stream_error') {
      this._set({ problem: frame.error });
    }
  }

  private _onConnection(connection: Connection): void {
    this._set({ connection });
  }

  /** Animation frames stand still in a hidden tab, so a timer stands behind them. */
  private _schedule(): void {
    if (!this._frame) {
      this._frame = requestAnimationFrame(this._flush);
      this._timer = window.setTimeout(this._flush, 250);
    }
  }

  private readonly _flush = (): void => {
    cancelAnimationFrame(this._frame);
    window.clearTimeout(this._timer);
    this._frame = 0;
    const queue = this._queue.splice(0);
    const before = this._snapshot;
    for (const event of queue) {
      this._transcripts.set(event.session, reduce(this._known(event.session), event));
    }
    const transcript = this._known(this._id);
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
    this._set(change);
  };

  private _set(change: Partial<ISnapshot>): void {
    const keys = Object.keys(change) as (keyof ISnapshot)[];
    if (keys.some(key => change[key] !== this._snapshot[key])) {
      this._snapshot = { ...this._snapshot, ...change };
      this._listeners.forEach(listener => {
        listener();
      });
    }
  }

  private _client: Client;
  private _frame = 0;
  private _listeners = new Set<() => void>();
  private _queue: Event[] = [];
  private _replayed = false;
  private _snapshot: ISnapshot = CLOSED;
  private _target: () => Target;
  private _timer = 0;
  private _transcripts = new Map<string, ITranscript>();
}
