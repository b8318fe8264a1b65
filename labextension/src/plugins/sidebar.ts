import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IOpenNotebooks, ISession } from '../tokens';
import { logoIcon } from '../views/icons';
import { Panel } from '../views/panel';
import { CommandIds } from './commands';

/** The panel in the right sidebar, and the commands that concern the session as a whole. */
export const sidebarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'codemad-jupyter:plugin',
  description: 'The CodeMAD panel in the right sidebar.',
  autoStart: true,
  requires: [ISession, IOpenNotebooks, IRenderMimeRegistry, IEditorLanguageRegistry],
  optional: [ITranslator, ILayoutRestorer, ICommandPalette, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    notebooks: IOpenNotebooks,
    rendermime: IRenderMimeRegistry,
    languages: IEditorLanguageRegistry,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    labShell: ILabShell | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('codemad_jupyter');
    const openDiff = (edit: string): void => void app.commands.execute(CommandIds.openDiff, { edit });
    const panel = new Panel({ session, notebooks, rendermime, languages, trans, openDiff });
    app.shell.add(panel, 'right', { rank: 900, type: 'CodeMAD' });
    restorer?.add(panel, panel.id);

    app.commands.addCommand(CommandIds.open, {
      label: trans.__('Open CodeMAD'),
      caption: trans.__('Show the assistant and write a message'),
      icon: logoIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        // Restoring the layout would close what was opened before it.
        await app.restored;
        app.shell.activateById(panel.id);
      }
    });
    app.commands.addCommand(CommandIds.newSession, {
      label: trans.__('New CodeMAD Session'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        await session.create();
        app.shell.activateById(panel.id);
      }
    });
    app.commands.addCommand(CommandIds.stop, {
      label: trans.__('Stop CodeMAD'),
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () => session.getSnapshot().transcript.running !== null,
      execute: () => session.cancel()
    });
    let running: string | null = null;
    session.subscribe(() => {
      const now = session.getSnapshot().transcript.running;
      if (now !== running) {
        running = now;
        app.commands.notifyCommandChanged(CommandIds.stop);
      }
    });
    for (const command of [CommandIds.open, CommandIds.newSession, CommandIds.stop]) {
      palette?.addItem({ command, category: trans.__('CodeMAD') });
    }
    // A sidebar that was left open shows its widget before it is attached.
    labShell?.layoutModified.connect(() => {
      if (panel.isVisible) {
        void session.open();
      }
    });
  }
};
