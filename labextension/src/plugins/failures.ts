import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { FailureChips } from '../notebook/chips';
import { IOpenNotebooks, ISession } from '../tokens';
import { CommandIds } from './commands';

const SETTINGS = 'codemad-jupyter:plugin';

/** Fix and Explain under a cell that failed. */
export const failuresPlugin: JupyterFrontEndPlugin<void> = {
  id: 'codemad-jupyter:failures',
  description: 'Offers Fix and Explain under cells that failed.',
  autoStart: true,
  requires: [ISession, IOpenNotebooks, INotebookTracker, IRenderMimeRegistry, IEditorLanguageRegistry],
  optional: [ITranslator, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    notebooks: IOpenNotebooks,
    tracker: INotebookTracker,
    rendermime: IRenderMimeRegistry,
    languages: IEditorLanguageRegistry,
    translator: ITranslator | null,
    settings: ISettingRegistry | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('codemad_jupyter');
    const context = { session, notebooks, rendermime, languages, trans };
    const chips = new FailureChips(context, (kind, panel, cell) => {
      const target = notebooks.targetAt(panel, cell.model.id);
      void app.commands
        .execute(CommandIds.open)
        .then(() =>
          kind === 'fix'
            ? session.submit(trans.__('Fix the error of this cell.'), { intent: 'fix', target })
            : session.submit(trans.__('Explain the error of this cell.'), { intent: 'answer', target })
        );
    });
    tracker.forEach(panel => {
      chips.watch(panel);
    });
    tracker.widgetAdded.connect((_, panel) => {
      chips.watch(panel);
    });
    void settings?.load(SETTINGS).then(loaded => {
      const follow = (): void => {
        chips.isOn = loaded.get('offerHelpUnderFailedCells').composite !== false;
      };
      loaded.changed.connect(follow);
      follow();
    });
  }
};
