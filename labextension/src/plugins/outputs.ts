import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { Cell } from '@jupyterlab/cells';
import { isCodeCellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { OUTPUT_MIME } from '../drops';
import { IOpenNotebooks, ISession } from '../tokens';
import { CommandIds } from './commands';

const AREA = '.jp-Cell-outputArea';
/** JupyterLab drags cells but no outputs; these parts of one can be taken hold of. */
const HANDLES = '.jp-OutputPrompt, .jp-OutputArea-promptOverlay';

/** Outputs as something to ask about: by the context menu, or dragged onto the panel by their prompt. */
export const outputsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'codemad-jupyter:outputs',
  description: 'Messages about the output of a cell.',
  autoStart: true,
  requires: [ISession, IOpenNotebooks, INotebookTracker],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    notebooks: IOpenNotebooks,
    tracker: INotebookTracker,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('codemad_jupyter');
    const pointed = (): IPlace | null => {
      const node = app.contextMenuHitTest(each => each.matches(AREA));
      return (node && placeOf(tracker, node)) ?? activeOf(tracker);
    };
    app.commands.addCommand(CommandIds.askOutput, {
      label: trans.__('Ask CodeMAD about this Output'),
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () => pointed() !== null,
      execute: async () => {
        const place = pointed();
        const target = place && notebooks.targetAt(place.panel, place.cell.model.id);
        if (place && target?.notebook) {
          const number = (place.panel.content.widgets.indexOf(place.cell) + 1).toString();
          const label = trans.__('of cell %1', number);
          session.quotes.add({ kind: 'output', name: place.cell.model.id, label, target });
          await app.commands.execute(CommandIds.open);
        }
      }
    });
    document.addEventListener('pointerover', event => {
      const handle = event.target instanceof Element ? event.target.closest<HTMLElement>(HANDLES) : null;
      if (handle?.closest(AREA)) {
        handle.draggable = true;
      }
    });
    document.addEventListener('dragstart', event => {
      const area = event.target instanceof Element ? event.target.closest(AREA) : null;
      const place = area && placeOf(tracker, area);
      const notebook = place && notebooks.pathOf(place.panel);
      if (notebook) {
        const cell = place.cell.model.id;
        event.dataTransfer?.setData(OUTPUT_MIME, JSON.stringify({ notebook, cell }));
      }
    });
  }
};

interface IPlace {
  panel: NotebookPanel;
  cell: Cell;
}

function placeOf(tracker: INotebookTracker, node: Element): IPlace | null {
  const panel = tracker.find(each => each.node.contains(node));
  const cell = panel?.content.widgets.find(each => each.node.contains(node));
  return panel && cell ? { panel, cell } : null;
}

/** From the palette there is no place of the mouse: the active cell, if it has outputs. */
function activeOf(tracker: INotebookTracker): IPlace | null {
  const { currentWidget: panel, activeCell: cell } = tracker;
  const hasOutputs = cell && isCodeCellModel(cell.model) && cell.model.outputs.length > 0;
  return panel && hasOutputs ? { panel, cell } : null;
}
