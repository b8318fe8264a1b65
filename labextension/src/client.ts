/**
 * The wire to the server: REST calls and one WebSocket per tab.
 *
 * The socket says who this tab is (Hello), what it follows (Subscribe) and answers port calls; after
 * a break it comes back by itself and goes on after the last event seen. What frames mean is left to
 * the session and the notebook port.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { ISource } from './source';
import type {
  Ack,
  CheckpointDiff,
  CheckpointInfo,
  ClientFrame,
  Command,
  Completion,
  CompletionRequest,
  ContextPreview,
  Dashboard,
  ErrorValue,
  Hello,
  IndexStatus,
  Memory,
  Mention,
  MergeView,
  ModelInfo,
  PortReply,
  Prompt,
  ServerFrame,
  SessionInfo,
  Target
} from './protocol';

/** `lost` after an open connection broke or a first one failed; the client tries again by itself. */
export type Connection = 'idle' | 'connecting' | 'open' | 'lost';

/** An error as the server told it; `status` is 0 when no answer came. */
export class RequestError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly status: number;

  constructor(value: ErrorValue, status: number) {
    super(value.message);
    this.code = value.code;
    this.hint = value.hint;
    this.status = status;
  }
}

/** Milliseconds before attempt `attempt` (from 0): doubling to 15 s, spread so that tabs don't come back at once. */
export function retryDelay(attempt: number, random: number = Math.random()): number {
  const base = Math.min(15_000, 500 * 2 ** Math.min(attempt, 10));
  return base * (0.75 + random / 2);
}

export class Client implements ISource {
  constructor(settings: ServerConnection.ISettings = ServerConnection.makeSettings()) {
    this._settings = settings;
  }

  get frames(): ISignal<this, ServerFrame> {
    return this._frames;
  }

  get connectionChanged(): ISignal<this, Connection> {
    return this._connectionChanged;
  }

  get connection(): Connection {
    return this._connection;
  }

  /** Open the socket and keep it open. */
  connect(): void {
    if (this._connection !== 'idle') {
      return;
    }
    window.addEventListener('online', this._hurry);
    document.addEventListener('visibilitychange', this._hurry);
    this._open();
  }

  dispose(): void {
    window.removeEventListener('online', this._hurry);
    document.removeEventListener('visibilitychange', this._hurry);
    window.clearTimeout(this._timer);
    this._disposed = true;
    this._socket?.close();
    Signal.clearData(this);
  }

  /** What this tab has open; said again at every connection. */
  hello(frame: Hello): void {
    this._hello = frame;
    this.send(frame);
  }

  /** Follow a session, and only this one. `after` is asked again at every connection. */
  follow(session: string, after: () => number): void {
    if (this._followed && this._followed.session !== session) {
      this.send({ type: 'unsubscribe', session: this._followed.session });
    }
    this._followed = { session, after };
    this.send({ type: 'subscribe', session, after: after() });
  }

  /** Answer a port call; an answer that finds no connection goes out with the next one. */
  reply(frame: PortReply): void {
    if (!this.send(frame)) {
      this._replies.push(frame);
    }
  }

  /** Send a frame now. False when there is no connection: what matters is said again at the next one. */
  send(frame: ClientFrame): boolean {
    if (this._connection !== 'open' || !this._socket) {
      return false;
    }
    this._socket.send(JSON.stringify(frame));
    return true;
  }

  async command(command: Command): Promise<Ack> {
    return this.request<Ack>('commands', { method: 'POST', body: JSON.stringify(command) });
  }

  async sessions(): Promise<{ sessions: SessionInfo[]; current: string | null }> {
    return this.request('sessions');
  }

  /** The models one can choose; with `probe`, local model servers are asked for theirs. */
  async models(probe = false): Promise<{ models: ModelInfo[]; default: string }> {
    return this.request('models', {}, probe ? '?probe=1' : '');
  }

  async checkpoints(session: string): Promise<{ checkpoints: CheckpointInfo[] }> {
    return this.request('checkpoints', {}, `?session=${encodeURIComponent(session)}`);
  }

  /** How far the search index of the folder is. */
  async index(): Promise<IndexStatus> {
    return this.request('index');
  }

  /** What was spent, slow, approved and went wrong in the last days. */
  async dashboard(days: number): Promise<Dashboard> {
    return this.request('dashboard', {}, `?days=${days}`);
  }

  async memories(): Promise<{ memories: Memory[] }> {
    return this.request('memory');
  }

  /** From a checkpoint to another or, without one, to what is there now. */
  async checkpointDiff(old: string, next = ''): Promise<CheckpointDiff> {
    const query = `?old=${encodeURIComponent(old)}&new=${encodeURIComponent(next)}`;
    return this.request('checkpoints/diff', {}, query);
  }

  /** What a notebook that git could not merge leaves to choose. */
  async mergeView(notebook: string): Promise<MergeView> {
    return this.request('merge', {}, `?notebook=${encodeURIComponent(notebook)}`);
  }

  async preview(prompt: Prompt): Promise<ContextPreview> {
    return this.request('preview', { method: 'POST', body: JSON.stringify(prompt) });
  }

  async mentions(session: string, query: string, target: Target): Promise<{ mentions: Mention[] }> {
    const { notebook, kernel } = target;
    const words = new URLSearchParams({ session, query, notebook: notebook ?? '', kernel: kernel ?? '' });
    return this.request('mentions', {}, `?${words.toString()}`);
  }

  /** Giving up with `signal` ends the model's call as well. */
  async complete(request: CompletionRequest, signal: AbortSignal): Promise<Completion> {
    return this.request('complete', { method: 'POST', body: JSON.stringify(request), signal });
  }

  /** Ask one of our routes. Raises `RequestError`. */
  async request<T>(path: string, init: RequestInit = {}, query = ''): Promise<T> {
    const url = URLExt.join(this._settings.baseUrl, 'codemad', path) + query;
    if (this._nonce) {
      init = { ...init, headers: { 'X-Codemad-Tab': this._nonce } };
    }
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this._settings);
    } catch (reason) {
      const message = reason instanceof Error ? reason.message : String(reason);
      throw new RequestError({ code: 'connection', message, hint: '' }, 0);
    }
    const body: unknown = await response.json().catch(() => null);
    if (!response.ok) {
      throw new RequestError(errorOf(body, response), response.status);
    }
    return body as T;
  }

  private _open(): void {
    this._change(this._attempt ? 'lost' : 'connecting');
    const { WebSocket, wsUrl, appendToken, token } = this._settings;
    const query = appendToken && token ? `?token=${encodeURIComponent(token)}` : '';
    const socket = new WebSocket(URLExt.join(wsUrl, 'codemad', 'stream') + query);
    this._socket = socket;
    socket.onopen = () => {
      this._opened();
    };
    socket.onmessage = message => {
      const frame = JSON.parse(String(message.data)) as ServerFrame;
      if (frame.type === 'welcome') {
        this._nonce = frame.nonce;
        return;
      }
      this._frames.emit(frame);
    };
    socket.onclose = () => {
      this._closed(socket);
    };
  }

  private _opened(): void {
    this._attempt = 0;
    this._change('open');
    if (this._hello) {
      this.send(this._hello);
    }
    this._replies.splice(0).forEach(frame => this.send(frame));
    if (this._followed) {
      const { session, after } = this._followed;
      this.send({ type: 'subscribe', session, after: after() });
    }
  }

  private _closed(socket: WebSocket): void {
    if (this._disposed || socket !== this._socket) {
      return;
    }
    this._socket = null;
    this._change('lost');
    this._timer = window.setTimeout(() => {
      this._open();
    }, retryDelay(this._attempt));
    this._attempt += 1;
  }

  /** The network or the person came back: don't wait for the timer. */
  private readonly _hurry = (): void => {
    if (this._connection === 'lost' && !this._socket && document.visibilityState === 'visible') {
      window.clearTimeout(this._timer);
      this._open();
    }
  };

  private _change(connection: Connection): void {
    if (this._connection !== connection) {
      this._connection = connection;
      this._connectionChanged.emit(connection);
    }
  }

  private _attempt = 0;
  private _connection: Connection = 'idle';
  private _connectionChanged = new Signal<this, Connection>(this);
  private _disposed = false;
  private _followed: { session: string; after: () => number } | null = null;
  private _frames = new Signal<this, ServerFrame>(this);
  private _hello: Hello | null = null;
  /** By what the server knows this tab; sent with every request, and kept nowhere else. */
  private _nonce = '';
  private _replies: PortReply[] = [];
  private _settings: ServerConnection.ISettings;
  private _socket: WebSocket | null = null;
  private _timer = 0;
}

/** Ours is `{"error": {...}}`; anything else comes from Jupyter Server or from what stands before it. */
function errorOf(body: unknown, response: Response): ErrorValue {
  if (body && typeof body === 'object' && 'error' in body) {
    const { error } = body;
    if (error && typeof error === 'object' && 'message' in error) {
      const value = error as Partial<ErrorValue>;
      return { code: value.code ?? 'error', message: String(value.message), hint: value.hint ?? '' };
    }
  }
  const told = body && typeof body === 'object' && 'message' in body ? String(body.message) : '';
  return {
    code: `http_${response.status}`,
    message: `The server answered ${response.status} ${response.statusText}. ${told}`.trim(),
    hint: ''
  };
}
