import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ICompletionProviderManager } from '@jupyterlab/completer';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { GhostText } from '../ghost';
import { line } from '../text';
import { IClient } from '../tokens';

/** Continues what one types in a cell or file, where a model was chosen for it. */
export const ghostPlugin: JupyterFrontEndPlugin<void> = {
  id: 'codemad-jupyter:ghost-text',
  description: 'Offers a continuation while one types, from the model that was chosen for it.',
  autoStart: true,
  requires: [IClient],
  optional: [ICompletionProviderManager, ITranslator],
  activate: (
    _app: JupyterFrontEnd,
    client: IClient,
    completers: ICompletionProviderManager | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('codemad_jupyter');
    completers?.registerInlineProvider(
      new GhostText({
        complete: (request, signal) => client.complete(request, signal),
        tell: problem => {
          if (problem) {
            const text = trans.__('CodeMAD could not continue: %1', `${problem.message} ${problem.hint}`);
            Notification.warning(line(text), { autoClose: 6000 });
          } else {
            const text = trans.__(
              'CodeMAD continues nothing yet: choose a model for it with CODEMAD_COMPLETION_MODEL, then restart the server.'
            );
            Notification.info(text, { autoClose: 8000 });
          }
        }
      })
    );
  }
};
