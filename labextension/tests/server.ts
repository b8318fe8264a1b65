/* eslint-disable jupyter/no-untranslated-string -- titles of sessions and edits are data here */
/** A small real server on loopback that speaks the panel's half of the protocol. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { ServerConnection } from '@jupyterlab/services';
import type { WebSocket as Socket } from 'ws';
import { WebSocketServer } from 'ws';

import type { ClientFrame, Command, Event, ModelInfo, ServerFrame, SessionInfo } from '../src/protocol';
import { Log, SESSION } from './events';

export const MODEL: ModelInfo = {
  name: 'codemad/offline',
  provider: 'codemad',
  window: null,
  max_output: null,
  input_price: 0,
  output_price: 0,
  cache_read_price: null,
  cache_write_price: null,
  tools: true,
  thinking: false,
  images: false,
  ready: true,
  why: '',
    locked: false,
    health: '',
    latency: null
};

interface IAnswer {
  status?: number;
  body: unknown;
}

export class TestServer {
  /** What the session holds; tell it with `tell` to send it as well. */
  readonly log = new Log();
  readonly frames: ClientFrame[] = [];
  readonly commands: Command[] = [];
  readonly requests: string[] = [];
  current: string | null = SESSION;
  models = [MODEL];
  /** Further sessions. */
  readonly others: SessionInfo[] = [];
  /** What further routes answer, by the last part of their path. */
  readonly routes: Record<string, unknown> = {};
  /** What was sent to further routes last, by the last part of their path. */
  readonly sent: Record<string, unknown> = {};
  /** By which method that was. */
  readonly methods: Record<string, string> = {};
  /** What the file browser shows: the type of what is at a path. */
  readonly files: Record<string, string> = {};
  answer: (command: Command) => IAnswer = command => ({
    body: { session: 'session' in command ? command.session : SESSION, run: 'r1', seq: 0 }
  });

  static async start(): Promise<TestServer> {
    const server = new TestServer();
    await new Promise<void>(resolve => server._http.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get settings(): ServerConnection.ISettings {
    const { port } = this._http.address() as AddressInfo;
    return ServerConnection.makeSettings({
      baseUrl: `http://127.0.0.1:${port}/user/me/`,
      wsUrl: `ws://127.0.0.1:${port}/user/me/`,
      token: 'secret',
      appendToken: true
    });
  }

  /** Keep what a log adds and send it to whoever follows the session. */
  tell(add: (log: Log) => void): void {
    const before = this.log.events.length;
    add(this.log);
    for (const event of this.log.events.slice(before)) {
      this.send({ type: 'event', event });
    }
  }

  send(frame: ServerFrame): void {
    this._sockets.forEach(socket => {
      socket.send(JSON.stringify(frame));
    });
  }

  /** Cut all connections, as a network does. */
  cut(): void {
    this._sockets.forEach(socket => {
      socket.terminate();
    });
  }

  async stop(): Promise<void> {
    this.cut();
    this._stream.close();
    this._http.closeAllConnections();
    await new Promise(resolve => this._http.close(resolve));
  }

  private _connected(socket: Socket, request: IncomingMessage): void {
    this.requests.push(request.url ?? '');
    this._sockets.add(socket);
    socket.on('close', () => this._sockets.delete(socket));
    socket.on('message', data => {
      const frame = JSON.parse(data.toString()) as ClientFrame;
      this.frames.push(frame);
      if (frame.type === 'subscribe') {
        this._replay(socket, frame.after ?? 0, frame.session);
      }
    });
  }

  private _replay(socket: Socket, after: number, session: string): void {
    const past: Event[] = session === SESSION ? this.log.stored.filter(event => event.seq > after) : [];
    for (const event of past) {
      socket.send(JSON.stringify({ type: 'event', event }));
    }
    socket.send(JSON.stringify({ type: 'replayed', session, seq: past.at(-1)?.seq ?? after }));
  }

  private async _serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?')[0];
    this.requests.push(path);
    let text = '';
    for await (const chunk of request) {
      text += String(chunk);
    }
    const { status = 200, body } = this._route(path, text, request);
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
  }

  private _route(path: string, text: string, request: IncomingMessage): IAnswer {
    switch (path) {
      case '/user/me/codemad/sessions': {
        const known = { id: SESSION, title: 'First', model: MODEL.name, created: 1, updated: 2 };
        const info = { ...known, pinned: false, archived: false, branch: 'main', origin: '' };
        return { body: { sessions: [info, ...this.others], current: this.current } };
      }
      case '/user/me/codemad/models':
        return { body: { models: this.models, default: MODEL.name } };
      case '/user/me/codemad/commands': {
        const command = JSON.parse(text) as Command;
        this.commands.push(command);
        return this.answer(command);
      }
      default:
        for (const [name, type] of Object.entries(this.files)) {
          if (path === `/user/me/api/contents/${name}`) {
            const at = '2026-01-01T00:00:00Z';
            const empty = { mimetype: null, format: null, content: null, writable: true, size: 1 };
            return { body: { name, path: name, type, created: at, last_modified: at, ...empty } };
          }
        }
        for (const [route, body] of Object.entries(this.routes)) {
          if (path === `/user/me/codemad/${route}`) {
            this.methods[route] = request.method ?? '';
            this.sent[route] = text ? JSON.parse(text) : null;
            return { body };
          }
        }
        return { status: 404, body: { message: 'Not Found' } };
    }
  }

  private _http = createServer((request, response) => void this._serve(request, response));
  private _sockets = new Set<Socket>();
  private _stream = new WebSocketServer({ server: this._http, path: '/user/me/codemad/stream' }).on(
    'connection',
    (socket, request) => {
      this._connected(socket, request);
    }
  );
}
