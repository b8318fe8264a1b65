import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, MainAreaWidget, ReactWidget, WidgetTracker } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { PathExt } from '@jupyterlab/coreutils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import { notebookIcon } from '@jupyterlab/ui-components';
import type { IMessageHandler, Message } from '@lumino/messaging';
import { MessageLoop } from '@lumino/messaging';
import React from 'react';

import { hasMarkers } from '../merging';
import { Requests } from '../requests';
import { IClient, IOpenNotebooks, ISession } from '../tokens';
import type { IPanelContext } from '../views/context';
import { PanelContext } from '../views/context';
import { Merge } from '../views/merge';
import { CommandIds } from './commands';

/** Milliseconds. */
const DISMISSED_WITHIN = 5_000;
const LOOKED_EVERY = 50;

/** A notebook with git's conflict markers opens as a choice of sides. */
export const mergePlugin: JupyterFrontEndPlugin<void> = {
  id: 'codemad-jupyter:merge',
  description: 'Resolves the merge conflicts of notebooks, cell by cell.',
  autoStart: true,
  requires: [
    IClient,
    ISession,
    IOpenNotebooks,
    INotebookTracker,
    IRenderMimeRegistry,
    IEditorLanguageRegistry
  ],
  optional: [ITranslator, ICommandPalette, IFileBrowserFactory],
  activate: (
    app: JupyterFrontEnd,
    client: IClient,
    session: ISession,
    notebooks: IOpenNotebooks,
    tracker: INotebookTracker,
    rendermime: IRenderMimeRegistry,
    languages: IEditorLanguageRegistry,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    browsers: IFileBrowserFactory | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('codemad_jupyter');
    const context = { session, notebooks, rendermime, languages, trans };
    const requests = new Requests(client, session, () => notebooks.target);
    const documents = new Documents(app, tracker, notebooks);
    const tabs = new WidgetTracker<MainAreaWidget<MergeTab>>({ namespace: 'codemad-merge' });
    const open = (path: string): void => {
      const known = tabs.find(tab => tab.content.notebook === path);
      const tab = known ?? frameOf(new MergeTab(path, requests, context, documents), trans);
      known?.content.ask();
      void tabs.add(tab);
      if (!tab.isAttached) {
        app.shell.add(tab, 'main');
      }
      app.shell.activateById(tab.id);
    };
    const chosen = (): string | null => {
      const items = [...(browsers?.tracker.currentWidget?.selectedItems() ?? [])];
      const item = items.find(each => each.path.endsWith('.ipynb'));
      return item ? notebooks.serverPath(item.path) : null;
    };
    app.commands.addCommand(CommandIds.merge, {
      label: trans.__('Resolve Merge Conflicts…'),
      caption: trans.__('Choose what stays of a notebook that git could not merge'),
      icon: notebookIcon,
      describedBy: { args: { type: 'object', properties: { path: { type: 'string' } } } },
      isEnabled: args => typeof args.path === 'string' || (chosen() ?? notebooks.active) !== null,
      execute: args => {
        const path = typeof args.path === 'string' ? args.path : (chosen() ?? notebooks.active);
        if (path !== null) {
          open(path);
        }
      }
    });
    palette?.addItem({ command: CommandIds.merge, category: trans.__('CodeMAD') });
    const lab = (translator ?? nullTranslator).load('jupyterlab');
    tracker.widgetAdded.connect((_, panel) => {
      const path = notebooks.pathOf(panel);
      if (path !== null) {
        void whenItFails(panel).then(async close => {
          if (!(await isConflicted(app, path))) {
            close();
            return;
          }
          panel.dispose();
          open(path);
          await dismiss(lab.__('File Load Error for %1', PathExt.basename(path)));
        });
      }
    });
  }
};

/** The choices of one notebook. */
class MergeTab extends ReactWidget {
  constructor(
    readonly notebook: string,
    private _requests: Requests,
    private _context: IPanelContext,
    private _documents: Documents
  ) {
    super();
    this.addClass('codemad-surface');
    this.addClass('codemad-merge-widget');
  }

  /** Look at the conflicts again. */
  ask(): void {
    this._asked += 1;
    this.update();
  }

  protected override render(): React.JSX.Element {
    const view = React.createElement(Merge, {
      notebook: this.notebook,
      requests: this._requests,
      asked: this._asked,
      onMerged: () => void this._documents.show(this.notebook),
      onUndone: () => {
        this._documents.close(this.notebook);
      },
      openNotebook: () => void this._documents.show(this.notebook)
    });
    return React.createElement(PanelContext.Provider, { value: this._context }, view);
  }

  private _asked = 0;
}

function frameOf(content: MergeTab, trans: TranslationBundle): MainAreaWidget<MergeTab> {
  const tab = new MainAreaWidget({ content });
  tab.toolbar.hide();
  tab.id = `codemad-merge-${content.notebook}`;
  tab.title.icon = notebookIcon;
  tab.title.label = trans.__('Merge: %1', PathExt.basename(content.notebook));
  tab.title.caption = content.notebook;
  tab.title.closable = true;
  return tab;
}

/** The notebook itself, before and after it is merged. What a person has changed in it stays open. */
class Documents {
  constructor(
    private _app: JupyterFrontEnd,
    private _tracker: INotebookTracker,
    private _notebooks: IOpenNotebooks
  ) {}

  async show(path: string): Promise<void> {
    const clean = this._at(path).filter(({ context }) => !context.model.dirty);
    await Promise.all(clean.map(panel => panel.context.revert()));
    await this._app.commands.execute('docmanager:open', { path });
    const [panel] = this._tracker.filter(each => this._notebooks.pathOf(each) === path);
    await panel.context.ready;
    this._shown.set(path, cellsOf(panel));
  }

  /** Close what no longer is what the file holds. A kernel's name that was noted meanwhile is no loss. */
  close(path: string): void {
    for (const panel of this._at(path)) {
      const { model } = panel.context;
      if (!model.dirty || cellsOf(panel) === this._shown.get(path)) {
        model.dirty = false;
        panel.close();
      }
    }
  }

  private _at(path: string): NotebookPanel[] {
    return this._tracker.filter(panel => panel.context.isReady && this._notebooks.pathOf(panel) === path);
  }

  private _shown = new Map<string, string>();
}

function cellsOf(panel: NotebookPanel): string {
  return JSON.stringify(panel.context.model.sharedModel.cells.map(cell => cell.toJSON()));
}

/** JupyterLab says only that it cannot read the file; what the file holds says why. */
async function isConflicted(app: JupyterFrontEnd, path: string): Promise<boolean> {
  const options = { type: 'file', format: 'text', content: true } as const;
  const found = await app.serviceManager.contents.get(path, options).catch(() => null);
  return typeof found?.content === 'string' && hasMarkers(found.content);
}

/**
 * When JupyterLab closes a notebook that it never could load; the panel stays until the answer is called.
 *
 * JupyterLab has no signal for it. What stands in the panel then is an empty notebook that it takes for
 * changed: closing it in the ordinary way would ask whether to save that.
 */
async function whenItFails(panel: NotebookPanel): Promise<() => void> {
  await Promise.resolve(); // the document manager's own hook comes first, and the latest one is asked first
  return new Promise(resolve => {
    const hook = (_: IMessageHandler, message: Message): boolean => {
      if (message.type !== 'close-request' || panel.context.isReady) {
        return true;
      }
      MessageLoop.removeMessageHook(panel, hook);
      resolve(() => {
        panel.close();
      });
      return false;
    };
    MessageLoop.installMessageHook(panel, hook);
    void panel.context.ready.then(() => {
      MessageLoop.removeMessageHook(panel, hook);
    });
  });
}

/** Take away the dialog in which JupyterLab says that it cannot read the file: the choices stand there. */
async function dismiss(title: string): Promise<void> {
  for (let tries = 0; tries < DISMISSED_WITHIN / LOOKED_EVERY; tries += 1) {
    const found = Dialog.tracker.find(
      dialog => dialog.node.querySelector('.jp-Dialog-header')?.textContent === title
    );
    if (found) {
      found.reject();
      return;
    }
    await new Promise(resolve => window.setTimeout(resolve, LOOKED_EVERY)); // it waits behind another one
  }
}
