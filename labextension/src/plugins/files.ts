import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, ReactWidget, WidgetTracker } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { fileIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { openProposals } from '../proposals';
import { IOpenNotebooks, ISession } from '../tokens';
import { PanelContext } from '../views/context';
import { FileDiff } from '../views/filediff';
import { baseName } from '../views/format';
import { CommandIds } from './commands';

/** A proposed change of a file in a tab of its own. */
export const filesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'codemad-jupyter:files',
  description: 'Shows the proposed change of a file in the main area.',
  autoStart: true,
  requires: [ISession, IOpenNotebooks, IRenderMimeRegistry, IEditorLanguageRegistry],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    notebooks: IOpenNotebooks,
    rendermime: IRenderMimeRegistry,
    languages: IEditorLanguageRegistry,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('codemad_jupyter');
    const context = { session, notebooks, rendermime, languages, trans };
    const tabs = new WidgetTracker<MainAreaWidget>({ namespace: 'codemad-diff' });
    const waiting = (): string[] =>
      openProposals(session.getSnapshot().transcript)
        .filter(({ proposal }) => proposal.edit.target.type === 'file')
        .map(({ proposal }) => proposal.edit.id);

    const make = (edit: string): MainAreaWidget => {
      const view = React.createElement(FileDiff, { edit });
      const content = ReactWidget.create(
        React.createElement(PanelContext.Provider, { value: context }, view)
      );
      content.addClass('codemad-surface');
      content.addClass('codemad-filediff-widget');
      const tab = new MainAreaWidget({ content });
      tab.id = `codemad-diff-${edit}`;
      tab.title.icon = fileIcon;
      tab.title.label = trans.__('Change');
      tab.title.closable = true;
      void tabs.add(tab);
      return tab;
    };

    app.commands.addCommand(CommandIds.openDiff, {
      label: trans.__('Open the Change of a File'),
      caption: trans.__('Show the proposed change of a file in a tab'),
      describedBy: { args: { type: 'object', properties: { edit: { type: 'string' } } } },
      isEnabled: args => typeof args.edit === 'string' || waiting().length > 0,
      execute: args => {
        const edit = typeof args.edit === 'string' ? args.edit : waiting().at(0);
        if (edit === undefined) {
          return;
        }
        const known = tabs.find(tab => tab.id === `codemad-diff-${edit}`);
        const tab = known ?? make(edit);
        const target = session.editOf(edit)?.edit.target;
        if (target?.type === 'file') {
          tab.title.label = trans.__('Change: %1', baseName(target.path));
          tab.title.caption = target.path;
        }
        if (!tab.isAttached) {
          app.shell.add(tab, 'main');
        }
        app.shell.activateById(tab.id);
      }
    });
    palette?.addItem({ command: CommandIds.openDiff, category: trans.__('CodeMAD') });
  }
};
