import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import type { Prompt } from '../protocol';
import type { IQuote } from '../quotes';
import { QUOTE_LIMIT, withQuotes } from '../quotes';
import { IOpenNotebooks, ISession } from '../tokens';
import { clip } from '../text';
import { CommandIds } from './commands';

/** Ask, Explain and Edit for what is selected in a cell; without a selection, for the whole cell. */
export const selectionPlugin: JupyterFrontEndPlugin<void> = {
  id: 'codemad-jupyter:selection',
  description: 'Messages about what is selected in a cell.',
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
    const quote = (intent: Prompt['intent']): IQuote | null => selected(tracker, notebooks, intent);
    const attach = (intent: Prompt['intent']) => async (): Promise<void> => {
      const found = quote(intent);
      if (found) {
        session.quotes.add(found);
        await app.commands.execute(CommandIds.open);
      }
    };
    const explain = async (): Promise<void> => {
      const found = quote('answer');
      if (found) {
        await app.commands.execute(CommandIds.open);
        const { text, ...options } = withQuotes(trans.__('Explain this.'), [found]);
        await session.submit(text, options);
      }
    };
    const add = (command: string, label: string, execute: () => Promise<void>): void => {
      app.commands.addCommand(command, {
        label,
        describedBy: { args: { type: 'object', properties: {} } },
        isEnabled: () => (tracker.activeCell?.model.sharedModel.getSource() ?? '') !== '',
        execute
      });
      palette?.addItem({ command, category: trans.__('CodeMAD') });
    };
    add(CommandIds.askSelection, trans.__('Ask CodeMAD about the Selection'), attach('auto'));
    add(CommandIds.explainSelection, trans.__('Explain the Selection with CodeMAD'), explain);
    add(CommandIds.editSelection, trans.__('Edit the Selection with CodeMAD…'), attach('edit'));
    const update = (): void => {
      for (const id of [CommandIds.askSelection, CommandIds.explainSelection, CommandIds.editSelection]) {
        app.commands.notifyCommandChanged(id);
      }
    };
    tracker.activeCellChanged.connect(update);
  }
};

/** The lines the selection touches are named; the text is what is selected. */
function selected(
  tracker: INotebookTracker,
  notebooks: IOpenNotebooks,
  intent: Prompt['intent']
): IQuote | null {
  const { activeCell: cell, currentWidget: panel } = tracker;
  if (!cell || !panel) {
    return null;
  }
  const source = cell.model.sharedModel.getSource();
  const range = cell.editor?.getSelection();
  const from = cell.editor && range ? cell.editor.getOffsetAt(range.start) : 0;
  const to = cell.editor && range ? cell.editor.getOffsetAt(range.end) : 0;
  const [start, end] = from === to ? [0, source.length] : [Math.min(from, to), Math.max(from, to)];
  const text = source.slice(start, end);
  const lineAt = (offset: number): number => source.slice(0, offset).split('\n').length;
  return {
    kind: 'lines',
    target: notebooks.targetAt(panel, cell.model.id),
    number: panel.content.activeCellIndex + 1,
    from: lineAt(start),
    to: lineAt(text.endsWith('\n') ? end - 1 : end),
    text: clip(text.replace(/\n$/, ''), QUOTE_LIMIT),
    language: cell.model.type === 'code' ? 'python' : '',
    intent
  };
}
