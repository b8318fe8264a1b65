import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { Client } from '../client';
import { IClient } from '../tokens';

/** The connection: opened once the application stands, never waited for. */
export const clientPlugin: JupyterFrontEndPlugin<IClient> = {
  id: 'codemad-jupyter:client',
  description: 'The connection to the CodeMAD server.',
  autoStart: true,
  provides: IClient,
  activate: (app: JupyterFrontEnd): IClient => {
    const client = new Client(app.serviceManager.serverSettings);
    void app.restored.then(() => {
      client.connect();
    });
    return client;
  }
};
