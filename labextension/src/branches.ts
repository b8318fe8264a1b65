/** What one asks of the server about sessions: their tree, branches, forks, merges, exports. */
import type { Client } from './client';
import type {
  Ack,
  BranchComparison,
  Command,
  SessionExport,
  SessionHit,
  SessionInfo,
  SessionTree,
  Target
} from './protocol';
import type { Session } from './session';

export type Format = SessionExport['format'];

/** A place in the tree: after a run, or before it. */
export interface IPlace {
  run?: string;
  before?: boolean;
}

export class Branches {
  constructor(client: Client, session: Session, target: () => Target) {
    this._client = client;
    this._session = session;
    this._target = target;
  }

  async tree(session: string): Promise<SessionTree> {
    return this._client.request('sessions/tree', {}, `?${new URLSearchParams({ session }).toString()}`);
  }

  /** The branch beside the one the session stands on. */
  async compare(session: string, right: string): Promise<BranchComparison> {
    const words = new URLSearchParams({ session, right });
    return this._client.request('sessions/compare', {}, `?${words.toString()}`);
  }

  async search(query: string): Promise<SessionHit[]> {
    const words = new URLSearchParams({ query, limit: '50' });
    const { hits } = await this._client.request<{ hits: SessionHit[] }>(
      'sessions/search',
      {},
      `?${words.toString()}`
    );
    return hits;
  }

  async export(session: string, format: Format): Promise<SessionExport> {
    const words = new URLSearchParams({ session, format });
    return this._client.request('sessions/export', {}, `?${words.toString()}`);
  }

  /** Read an exported session, and show it. */
  async import(text: string): Promise<boolean> {
    return this._shown({ type: 'import_session', text });
  }

  /** Begin a session with the conversation up to a place of the one shown, and show it. */
  async fork(place: IPlace = {}): Promise<boolean> {
    return this._shown({ type: 'fork_session', session: this._id, ...place });
  }

  async branch(name: string, place: IPlace = {}): Promise<boolean> {
    return this._done({ type: 'make_branch', session: this._id, name, ...place });
  }

  /** Stand on a branch; with `restore` its files come back as well. */
  async switchTo(branch: string, restore = false): Promise<boolean> {
    return this._done({ type: 'switch_branch', session: this._id, branch, restore });
  }

  async name(branch: string, name: string): Promise<boolean> {
    return this._done({ type: 'name_branch', session: this._id, branch, name });
  }

  async merge(branch: string, entries: string[], edits: string[]): Promise<boolean> {
    const chosen = { branch, entries, edits, target: this._target() };
    return this._done({ type: 'merge_branch', session: this._id, ...chosen, edge: 'sidebar' });
  }

  async arrange(session: SessionInfo, change: { pinned?: boolean; archived?: boolean }): Promise<void> {
    if (await this._done({ type: 'arrange_session', session: session.id, ...change })) {
      await this._session.reload();
    }
  }

  async rename(session: string, title: string): Promise<void> {
    if (await this._done({ type: 'rename_session', session, title })) {
      await this._session.reload();
    }
  }

  private async _done(command: Command): Promise<boolean> {
    return (await this._session.command(command)) !== null;
  }

  private async _shown(command: Command): Promise<boolean> {
    const ack: Ack | null = await this._session.command(command);
    if (ack) {
      this._session.choose(ack.session);
      await this._session.reload();
    }
    return ack !== null;
  }

  private get _id(): string {
    return this._session.getSnapshot().transcript.session;
  }

  private _client: Client;
  private _session: Session;
  private _target: () => Target;
}
