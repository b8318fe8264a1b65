import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Access } from '../access';
import { Branches } from '../branches';
import { Drops } from '../drops';
import { Pages } from '../pages';
import { Requests } from '../requests';
import { Sharing } from '../sharing';
import { IClient, IOpenNotebooks, IRenderers, ISession } from '../tokens';
import { logoIcon, proveIcon } from '../views/icons';
import { Panel } from '../views/panel';
import { CommandIds } from './commands';

/** The panel in the right sidebar, and the commands that concern the session as a whole. */
export const sidebarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'codemad-jupyter:plugin',
  description: 'The CodeMAD panel in the right sidebar.',
  autoStart: true,
  requires: [IClient, ISession, IOpenNotebooks, IRenderMimeRegistry, IEditorLanguageRegistry, IRenderers],
  optional: [ITranslator, ILayoutRestorer, ICommandPalette, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    client: IClient,
    session: ISession,
    notebooks: IOpenNotebooks,
    rendermime: IRenderMimeRegistry,
    languages: IEditorLanguageRegistry,
    renderers: IRenderers,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    labShell: ILabShell | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('codemad_jupyter');
    const openDiff = (edit: string): void => void app.commands.execute(CommandIds.openDiff, { edit });
    const requests = new Requests(client, session, () => notebooks.target);
    const pages = new Pages();
    const drops = new Drops(notebooks, app.serviceManager.contents, trans);
    const access = new Access(client);
    const parts = {
      session,
      requests,
      branches: new Branches(client, session, () => notebooks.target),
      sharing: new Sharing(client, session),
      access,
      pages,
      drops,
      notebooks,
      rendermime,
      languages,
      renderers,
      trans,
      openDiff
    };
    const panel = new Panel(parts);
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
    for (const [command, page, label] of [
      [CommandIds.timeline, 'timeline', trans.__('CodeMAD Timeline')],
      [CommandIds.context, 'context', trans.__('What CodeMAD Sends')],
      [CommandIds.memory, 'memory', trans.__('What CodeMAD Remembers')],
      [CommandIds.sessions, 'sessions', trans.__('CodeMAD Sessions and Branches')],
      [CommandIds.keys, 'keys', trans.__('CodeMAD Keys and Trust')],
      [CommandIds.runView, 'run', trans.__('CodeMAD Run and Agents')]
    ] as const) {
      app.commands.addCommand(command, {
        label,
        describedBy: { args: { type: 'object', properties: {} } },
        execute: async () => {
          await app.restored;
          pages.show(page);
          app.shell.activateById(panel.id);
        }
      });
    }
    app.commands.addCommand(CommandIds.verify, {
      label: args => (args.toolbar ? '' : trans.__('Verify Notebook with CodeMAD')),
      caption: trans.__('Verify: run the notebook again in a throw-away kernel and compare the outputs'),
      icon: proveIcon,
      describedBy: { args: { type: 'object', properties: { toolbar: { type: 'boolean' } } } },
      isEnabled: () => notebooks.active !== null,
      execute: async () => {
        await app.commands.execute(CommandIds.open);
        pages.show('chat');
        await requests.verify();
      }
    });
    notebooks.changed.connect(() => {
      app.commands.notifyCommandChanged(CommandIds.verify);
    });
    let running: string | null = null;
    session.subscribe(() => {
      const now = session.getSnapshot().transcript.running;
      if (now !== running) {
        running = now;
        app.commands.notifyCommandChanged(CommandIds.stop);
      }
    });
    const { open, newSession, stop, timeline, context, memory, sessions, keys, runView, verify } = CommandIds;
    const offered = [open, newSession, stop, timeline, context, memory, sessions, keys, runView, verify];
    for (const command of offered) {
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
