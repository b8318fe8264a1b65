/**
 * What CodeMAD may use here: keys of providers, the folder's own settings and rules, the administrator's policy.
 *
 * Keys go to the server and never come back; all that is kept of the folder is whether it is trusted.
 */
import type { Client } from './client';
import type { IProblem } from './problems';
import { problemOf } from './problems';
import type { FolderTrust, KeyRing, KeyTest, PolicyInfo, SettingsInfo } from './protocol';

export interface ITrustSnapshot {
  trust: FolderTrust | null;
  problem: IProblem | null;
  /** The person does not want to be asked now. */
  isPutOff: boolean;
}

interface IDone {
  done: string;
}

export class Access {
  constructor(client: Client) {
    this._client = client;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  readonly getSnapshot = (): ITrustSnapshot => this._snapshot;

  /** Ask how things stand with the folder. */
  async look(): Promise<void> {
    await this._follow(this._client.request<FolderTrust>('trust'));
  }

  /** Trust the folder as it was shown, or trust it no longer. */
  async decide(trusted: boolean): Promise<void> {
    await this._follow(this._send('POST', 'trust', { trusted, seen: this._snapshot.trust?.digest ?? '' }));
  }

  putOff(): void {
    this._change({ isPutOff: true });
  }

  /** What the administrator set, null where there is no policy. */
  async policy(): Promise<PolicyInfo | null> {
    return (await this._client.request<SettingsInfo>('settings')).policy;
  }

  async keys(): Promise<KeyRing> {
    return this._client.request('keys');
  }

  async keepKey(provider: string, key: string): Promise<string> {
    return (await this._send<IDone>('PUT', `keys/${provider}`, { key })).done;
  }

  async forgetKey(provider: string): Promise<string> {
    return (await this._send<IDone>('DELETE', `keys/${provider}`)).done;
  }

  async testKey(provider: string): Promise<KeyTest> {
    return this._send('POST', `keys/${provider}/test`);
  }

  private async _send<T>(method: string, path: string, body?: object): Promise<T> {
    return this._client.request(path, { method, body: body && JSON.stringify(body) });
  }

  private async _follow(answer: Promise<FolderTrust>): Promise<void> {
    try {
      this._change({ trust: await answer, problem: null });
    } catch (reason) {
      this._change({ problem: problemOf(reason) });
    }
  }

  private _change(part: Partial<ITrustSnapshot>): void {
    this._snapshot = { ...this._snapshot, ...part };
    this._listeners.forEach(listener => {
      listener();
    });
  }

  private _client: Client;
  private _listeners = new Set<() => void>();
  private _snapshot: ITrustSnapshot = { trust: null, problem: null, isPutOff: false };
}
