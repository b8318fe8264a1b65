/**
 * The session shown in this tab: what views read of it, and clicks turned into commands.
 *
 * Nothing is asked of the server before `open`, so that a tab without the panel costs nothing. Events
 * are taken in by `feed`.
 */
import type { ISource } from './source';
import type { ISnapshot } from './feed';
import { Feed } from './feed';
import { GAVE_UP, PROMPT_LIMIT, problemOf, tooLong } from './problems';
import { Quotes } from './quotes';
import type { Ack, Command, Plan, PlanTask, Prompt, Target } from './protocol';
import { proposalIn } from './transcript';
import type { IProposal } from './transcript';

export interface IPromptOptions {
  intent?: Prompt['intent'];
  target?: Target;
  attachments?: Prompt['attachments'];
}

export class Session {
  constructor(client: ISource, target: () => Target) {
    this._client = client;
    this._target = target;
    this._feed = new Feed(client);
    this.subscribe = this._feed.subscribe;
  }

  readonly subscribe: (listener: () => void) => () => void;

  /** What the next message is about besides its words. */
  readonly quotes = new Quotes();

  readonly getSnapshot = (): ISnapshot => this._feed.snapshot;

  /** The panel was shown: load what it needs, once. */
  async open(): Promise<void> {
    if (this._feed.snapshot.phase === 'closed') {
      await this.load();
    }
  }

  /** Load sessions and models, and show the current session. */
  async load(): Promise<void> {
    this._feed.set({ phase: 'loading', problem: null });
    try {
      const [{ sessions, current }, models] = await Promise.all([
        this._client.sessions(),
        this._client.models()
      ]);
      this._feed.set({ sessions, models: models.models, defaultModel: models.default, phase: 'ready' });
      if (current) {
        this.choose(current);
      }
    } catch (reason) {
      this._feed.set({ phase: 'failed', problem: problemOf(reason) });
    }
  }

  /** Show another session. */
  choose(session: string): void {
    if (session !== this._feed.snapshot.transcript.session) {
      this._feed.flush();
      this._feed.set({
        transcript: this._feed.known(session),
        phase: 'replaying',
        sending: null,
        problem: null
      });
      this._client.follow(session, () => this._feed.known(session).seq);
    }
  }

  /** Open a fresh session and show it. */
  async create(): Promise<boolean> {
    const ack = await this.command({ type: 'new_session' });
    if (ack) {
      this.choose(ack.session);
      await this.reload();
    }
    return ack !== null;
  }

  /** Ask. True when the server took the prompt, so that the text may be forgotten. */
  async submit(text: string, options: IPromptOptions = {}): Promise<boolean> {
    if (text.length > PROMPT_LIMIT) {
      this._feed.set({ problem: tooLong(text.length) });
      return false;
    }
    if (this._feed.snapshot.phase === 'closed' || this._feed.snapshot.phase === 'failed') {
      await this.load();
    }
    if (this._feed.snapshot.phase === 'failed' || this._feed.snapshot.sending !== null) {
      return false;
    }
    if (!this._feed.snapshot.transcript.session && !(await this.create())) {
      return false;
    }
    this._feed.set({ sending: text });
    const { intent = 'auto', target = this._target(), attachments } = options;
    const { session } = this._feed.snapshot.transcript;
    const told = { session, text, target, intent, ...(attachments?.length ? { attachments } : {}) };
    const ack = await this.command({ type: 'prompt', ...told, edge: 'sidebar' });
    const begun = this._feed.snapshot.transcript.entries.some(entry => entry.key === ack?.run);
    if (!ack || begun) {
      this._feed.set({ sending: null });
    }
    return ack !== null;
  }

  async cancel(): Promise<void> {
    await this.command({ type: 'cancel', session: this._id, run: this._feed.snapshot.transcript.running });
  }

  /** Say something to the run or one of its agents, which reads it before its next step. */
  async steer(text: string, agent = 'main'): Promise<boolean> {
    const { running } = this._feed.snapshot.transcript;
    const told = { session: this._id, run: running, text, agent };
    return (await this.command({ type: 'steer', ...told })) !== null;
  }

  /** Stop one agent of the run; the others go on. */
  async stopAgent(agent: string): Promise<void> {
    const { running } = this._feed.snapshot.transcript;
    await this.command({ type: 'cancel', session: this._id, run: running, agent });
  }

  /** Propose what agents made; where two clash the first has the say. */
  async mergeAgents(agents: readonly string[]): Promise<boolean> {
    const told = { session: this._id, agents: [...agents], target: this._target() };
    return (
      (await this.ensure()) &&
      (await this.command({ type: 'merge_agents', ...told, session: this._id, edge: 'sidebar' })) !== null
    );
  }

  /** Allow what was shown, once or from now on; `digest` is that of the action on the card. */
  async approve(approval: string, digest: string, always = false): Promise<void> {
    await this.command({ type: 'approve', session: this._id, approval, digest, always });
  }

  async reject(approval: string, reason = ''): Promise<void> {
    await this.command({ type: 'reject', session: this._id, approval, reason });
  }

  /** Answer what an agent asked; null leaves it unanswered. */
  async answer(question: string, answer: string | null): Promise<void> {
    await this.command({ type: 'answer_question', session: this._id, question, answer });
  }

  /** Apply hunks of an edit (null: all that are pending), and run the cell if asked. */
  async acceptEdit(edit: string, hunks: number[] | null, execute = false): Promise<void> {
    await this.command({ type: 'accept_edit', session: this._id, edit, hunks, execute });
    // The answer comes when the cell has run; a proxy may give up hours before. The events tell it all.
    const { problem } = this._feed.snapshot;
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

  /** Put these tasks in the place of the plan's. */
  async changePlan({ id, revision }: Plan, tasks: readonly PlanTask[]): Promise<boolean> {
    const told = { session: this._id, plan: id, revision, tasks: [...tasks] };
    return (await this.command({ type: 'change_plan', ...told })) !== null;
  }

  /** Carry the plan out, task by task. */
  async approvePlan({ id, revision }: Plan): Promise<void> {
    const told = { session: this._id, plan: id, revision, target: this._target() };
    await this.command({ type: 'approve_plan', ...told, edge: 'sidebar' });
  }

  async dropPlan({ id }: Plan): Promise<void> {
    await this.command({ type: 'drop_plan', session: this._id, plan: id });
  }

  /** Keep a fact that waited. */
  async confirmMemory(memory: string): Promise<void> {
    if (await this.ensure()) {
      await this.command({ type: 'confirm_memory', session: this._id, memory });
    }
  }

  /** Forget facts for good. */
  async forgetMemories(memories: readonly string[]): Promise<void> {
    if (await this.ensure()) {
      await this.command({ type: 'forget_memory', session: this._id, memories: [...memories] });
    }
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
      this._feed.set({ models, defaultModel });
    } catch (reason) {
      this._feed.set({ problem: problemOf(reason) });
    }
  }

  /** A proposal of the session that is shown. */
  editOf(edit: string): IProposal | null {
    return proposalIn(this._feed.snapshot.transcript, edit);
  }

  dismiss(): void {
    this._feed.set({ problem: null });
  }

  private get _id(): string {
    return this._feed.snapshot.transcript.session;
  }

  /** A session that commands can name: the one shown, else a fresh one. */
  async ensure(): Promise<boolean> {
    await this.open();
    return this._id !== '' || this.create();
  }

  /** Give a command; null when it was refused, which is then shown. */
  async command(command: Command): Promise<Ack | null> {
    try {
      this._feed.set({ problem: null });
      return await this._client.command(command);
    } catch (reason) {
      this._feed.set({ problem: problemOf(reason) });
      return null;
    }
  }

  /** Read the list of sessions again. */
  async reload(): Promise<void> {
    try {
      this._feed.set({ sessions: (await this._client.sessions()).sessions });
    } catch (reason) {
      this._feed.set({ problem: problemOf(reason) });
    }
  }

  private _client: ISource;
  private _feed: Feed;
  private _target: () => Target;
}
