/// <reference types="node" />

/** As much of `ws` as the tests' server uses; it comes with JupyterLab's services. */
declare module 'ws' {
  import type { IncomingMessage, Server } from 'node:http';

  export class WebSocket {
    send(data: string): void;
    terminate(): void;
    on(event: 'message', listener: (data: Buffer) => void): this;
    on(event: 'close', listener: () => void): this;
  }

  export class WebSocketServer {
    constructor(options: { server: Server; path: string });
    on(event: 'connection', listener: (socket: WebSocket, request: IncomingMessage) => void): this;
    close(): void;
  }
}
