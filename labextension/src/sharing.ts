/** What one asks of the server about sessions that are shared, with others or by others. */
import type { Client } from './client';
import type { Command, SharedWithMe, ShareSession, SharingInfo } from './protocol';
import { Session } from './session';
import { Visiting } from './visiting';

export type Permission = NonNullable<ShareSession['permission']>;

/** The session of somebody else, as long as it is looked at. */
export interface IVisit {
  source: Visiting;
  session: Session;
}

export class Sharing {
  constructor(client: Client, session: Session) {
    this._client = client;
    this._session = session;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  /** Another number where the list is to be asked for anew. */
  readonly getVersion = (): number => this._version;

  /** The list may be another by now. */
  readonly look = (): void => {
    this._version += 1;
    this._listeners.forEach(listener => {
      listener();
    });
  };

  /** All that is shared, both ways. */
  async list(): Promise<SharingInfo> {
    return this._client.request('shared');
  }

  async share(session: string, guest: string, permission: Permission): Promise<boolean> {
    return this._done({ type: 'share_session', session, guest, permission });
  }

  async unshare(session: string, guest: string): Promise<boolean> {
    return this._done({ type: 'unshare_session', session, guest });
  }

  /** Begin to look at a session of somebody else. */
  visit(there: SharedWithMe): IVisit {
    const source = new Visiting(this._client, there);
    return { source, session: new Session(source, () => ({ notebook: null, kernel: null, cell: null })) };
  }

  private async _done(command: Command): Promise<boolean> {
    const ack = await this._session.command(command);
    this.look();
    return ack !== null;
  }

  private _client: Client;
  private _listeners = new Set<() => void>();
  private _session: Session;
  private _version = 0;
}
