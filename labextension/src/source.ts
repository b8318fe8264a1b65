/** What a session needs of where it comes from: our own server, or somebody else's session. */
import type { ISignal } from '@lumino/signaling';

import type { Connection } from './client';
import type { Ack, Command, ModelInfo, ServerFrame, SessionInfo } from './protocol';

/** Where the events of a session come from, and its commands go to. */
export interface ISource {
  readonly frames: ISignal<unknown, ServerFrame>;
  readonly connectionChanged: ISignal<unknown, Connection>;
  command(command: Command): Promise<Ack>;
  sessions(): Promise<{ sessions: SessionInfo[]; current: string | null }>;
  models(probe?: boolean): Promise<{ models: ModelInfo[]; default: string }>;
  follow(session: string, after: () => number): void;
}
