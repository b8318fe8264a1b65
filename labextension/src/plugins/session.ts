import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { Session } from '../session';
import { IClient, IOpenNotebooks, ISession } from '../tokens';

/** One session for the panel, the cell buttons and the status bar. */
export const sessionPlugin: JupyterFrontEndPlugin<ISession> = {
  id: 'codemad-jupyter:session',
  description: 'The CodeMAD session shown in this tab.',
  autoStart: true,
  provides: ISession,
  requires: [IClient, IOpenNotebooks],
  activate: (_app, client: IClient, notebooks: IOpenNotebooks): ISession =>
    new Session(client, () => notebooks.target)
};
