import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';

import { OpenNotebooks } from '../notebook/documents';
import { NotebookPort } from '../notebook/port';
import { IClient, IOpenNotebooks } from '../tokens';

/** Tells the server which notebooks are open here and lets it read and change them. */
export const notebooksPlugin: JupyterFrontEndPlugin<IOpenNotebooks> = {
  id: 'codemad-jupyter:notebooks',
  description: 'Serves the CodeMAD server on the notebooks that are open in this tab.',
  autoStart: true,
  provides: IOpenNotebooks,
  requires: [IClient],
  optional: [INotebookTracker],
  activate: (app: JupyterFrontEnd, client: IClient, tracker: INotebookTracker | null): IOpenNotebooks => {
    const notebooks = new OpenNotebooks(tracker, app.serviceManager.contents);
    new NotebookPort(client, notebooks);
    return notebooks;
  }
};
