import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { isCodeCellModel } from '@jupyterlab/cells';
import { INotebookTracker, NotebookActions } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { hasFailed } from '../notebook/chips';
import { IOpenNotebooks, ISession } from '../tokens';
import { explainIcon, fixIcon } from '../views/icons';
import { CommandIds } from './commands';

/** Explain and Fix on a cell's toolbar. Both are ordinary prompts about that cell. */
export const cellsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'codemad-jupyter:cells',
  description: 'Explain and Fix buttons on the active cell.',
  autoStart: true,
  requires: [ISession, IOpenNotebooks, INotebookTracker],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    notebooks: IOpenNotebooks,
    tracker: INotebookTracker,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('codemad_jupyter');
    const ask = async (text: string, intent: 'answer' | 'fix'): Promise<void> => {
      const { target } = notebooks;
      await app.commands.execute(CommandIds.open);
      await session.submit(text, { intent, target });
    };
    app.commands.addCommand(CommandIds.explainCell, {
      label: args => (args.toolbar ? '' : trans.__('Explain Cell with CodeMAD')),
      caption: trans.__('Explain this cell'),
      icon: explainIcon,
      describedBy: { args: { type: 'object', properties: { toolbar: { type: 'boolean' } } } },
      isVisible: () => isCode(tracker),
      isEnabled: () => isCode(tracker),
      execute: () => ask(trans.__('Explain this cell.'), 'answer')
    });
    app.commands.addCommand(CommandIds.fixCell, {
      label: args => (args.toolbar ? '' : trans.__('Fix Cell with CodeMAD')),
      caption: trans.__('Fix the error of this cell'),
      icon: fixIcon,
      describedBy: { args: { type: 'object', properties: { toolbar: { type: 'boolean' } } } },
      isVisible: () => hasError(tracker),
      isEnabled: () => hasError(tracker),
      execute: () => ask(trans.__('Fix the error of this cell.'), 'fix')
    });
    const update = (): void => {
      app.commands.notifyCommandChanged(CommandIds.explainCell);
      app.commands.notifyCommandChanged(CommandIds.fixCell);
    };
    tracker.activeCellChanged.connect(update);
    NotebookActions.executed.connect(update);
    for (const command of [CommandIds.explainCell, CommandIds.fixCell]) {
      palette?.addItem({ command, category: trans.__('CodeMAD') });
    }
  }
};

function isCode(tracker: INotebookTracker): boolean {
  const model = tracker.activeCell?.model;
  return model !== undefined && isCodeCellModel(model);
}

function hasError(tracker: INotebookTracker): boolean {
  return tracker.activeCell !== null && hasFailed(tracker.activeCell);
}
