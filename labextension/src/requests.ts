/** What one asks of the server beside the conversation: checkpoints, previews, verifications. */
import type { Client } from './client';
import type { Choices } from './merging';
import type {
  Ack,
  CheckpointDiff,
  CheckpointInfo,
  ContextPreview,
  IndexStatus,
  Memory,
  Mention,
  MergeCheck,
  MergeView,
  Standing,
  Target,
  WorktreeInfo,
  WorktreeWork
} from './protocol';
import { withQuotes } from './quotes';
import type { Session } from './session';
import type { IPruning } from './views/pruning';

export class Requests {
  constructor(client: Client, session: Session, target: () => Target) {
    this._client = client;
    this._session = session;
    this._target = target;
  }

  /** The checkpoints of the session, oldest first. */
  async checkpoints(): Promise<CheckpointInfo[]> {
    return this._id ? (await this._client.checkpoints(this._id)).checkpoints : [];
  }

  /** What is different in another checkpoint, or now. */
  async checkpointDiff(checkpoint: string, other: string | null = null): Promise<CheckpointDiff> {
    return this._client.checkpointDiff(checkpoint, other ?? '');
  }

  /** Why nothing of the conversations is saved; empty where it is. */
  async unsaved(): Promise<string> {
    return (await this._client.request<{ unsaved?: string }>('status')).unsaved ?? '';
  }

  async makeCheckpoint(name: string): Promise<void> {
    if (await this._session.ensure()) {
      await this._session.command({
        type: 'make_checkpoint',
        session: this._id,
        name,
        target: this._target()
      });
    }
  }

  async restoreCheckpoint(checkpoint: string): Promise<void> {
    await this._session.command({ type: 'restore_checkpoint', session: this._id, checkpoint });
  }

  async nameCheckpoint(checkpoint: string, name: string): Promise<void> {
    await this._session.command({ type: 'name_checkpoint', session: this._id, checkpoint, name });
  }

  /** Forget checkpoints of the workspace by age and by size; named ones stay. */
  async pruneCheckpoints(wanted: IPruning): Promise<void> {
    await this._session.command({ type: 'prune_checkpoints', session: this._id, ...wanted });
  }

  /** What a message would send now, with all that waits to go along. */
  async preview(draft: string): Promise<ContextPreview> {
    const { target = this._target(), ...prompt } = withQuotes(draft, this._session.quotes.getSnapshot());
    await this._session.ensure();
    return this._client.preview({ type: 'prompt', session: this._id, ...prompt, target, edge: 'sidebar' });
  }

  /** What could be pointed at with these letters. */
  async mentions(query: string): Promise<Mention[]> {
    return (await this._client.mentions(this._id, query, this._target())).mentions;
  }

  async chooseDataLevel(level: ContextPreview['level'], notebook: string | null): Promise<void> {
    if (await this._session.ensure()) {
      await this._session.command({ type: 'choose_data_level', session: this._id, level, notebook });
    }
  }

  /** Who is asked before something happens, and what confines commands. */
  async standing(): Promise<Standing> {
    return (await this._client.request<{ standing: Standing }>('status', {}, '?standing=1')).standing;
  }

  /** Let another mode hold from now on; what is refused is shown. */
  async chooseMode(mode: Standing['mode']): Promise<void> {
    if (await this._session.ensure()) {
      await this._session.command({ type: 'choose_mode', session: this._id, mode });
    }
  }

  /** Run the notebook in front again in a throw-away kernel. */
  async verify(): Promise<void> {
    if (await this._session.ensure()) {
      const target = this._target();
      await this._session.command({ type: 'verify_notebook', session: this._id, target, edge: 'sidebar' });
    }
  }

  /** How far the search index of the folder is. */
  async index(): Promise<IndexStatus> {
    return this._client.index();
  }

  /** What is remembered, by scope. */
  async memories(): Promise<Memory[]> {
    return (await this._client.memories()).memories;
  }

  async remember(text: string): Promise<void> {
    if (await this._session.ensure()) {
      await this._session.command({ type: 'remember_fact', session: this._id, text, edge: 'sidebar' });
    }
  }

  async editMemory(memory: string, text: string): Promise<void> {
    if (await this._session.ensure()) {
      await this._session.command({ type: 'edit_memory', session: this._id, memory, text, edge: 'sidebar' });
    }
  }

  /** The worktrees of agents, oldest first. */
  async worktrees(): Promise<WorktreeInfo[]> {
    return (await this._client.request<{ agents: WorktreeInfo[] }>('agents')).agents;
  }

  /** What was made in one. */
  async workOf(name: string): Promise<WorktreeWork> {
    return this._client.request(`agents/${encodeURIComponent(name)}`);
  }

  /** What merging these would propose and leave out; nothing is changed. */
  async checkMerge(agents: readonly string[]): Promise<MergeCheck> {
    return this._client.request('agents', { method: 'POST', body: JSON.stringify({ agents }) });
  }

  /** Remove a worktree for good; what would be lost is refused, unless `isForced`. */
  async dropWorktree(name: string, isForced: boolean): Promise<void> {
    const query = isForced ? '?force=1' : '';
    await this._client.request(`agents/${encodeURIComponent(name)}`, { method: 'DELETE' }, query);
  }

  /** What a notebook that git could not merge leaves to choose. */
  async mergeView(notebook: string): Promise<MergeView> {
    return this._client.mergeView(notebook);
  }

  /** Write the notebook as chosen, in a run of its own. A refusal is the caller's to show. */
  async resolveMerge(notebook: string, digest: string, choices: Choices): Promise<Ack> {
    if (!(await this._session.ensure())) {
      throw new Error(this._session.getSnapshot().problem?.message);
    }
    const told = { session: this._id, notebook, digest, choices };
    return this._client.command({ type: 'resolve_merge', ...told, edge: 'sidebar' });
  }

  private get _id(): string {
    return this._session.getSnapshot().transcript.session;
  }

  private _client: Client;
  private _session: Session;
  private _target: () => Target;
}
