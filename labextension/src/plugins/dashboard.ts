import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import {
  ICommandPalette,
  MainAreaWidget,
  Notification,
  ReactWidget,
  WidgetTracker
} from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Client } from '../client';
import { problemOf } from '../problems';
import { line } from '../text';
import { IClient } from '../tokens';
import { DashboardView } from '../views/dashboard';
import { logoIcon } from '../views/icons';
import { CommandIds } from './commands';

const ID = 'codemad-dashboard';

/** A tab with what was spent, what is slow, what was approved and what went wrong. */
export const dashboardPlugin: JupyterFrontEndPlugin<void> = {
  id: 'codemad-jupyter:dashboard',
  description: 'Shows cost, slow cells, approvals and errors of the last days.',
  autoStart: true,
  requires: [IClient],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    client: IClient,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('codemad_jupyter');
    const tabs = new WidgetTracker<MainAreaWidget<DashboardTab>>({ namespace: ID });
    const openNotebook = (path: string): void => {
      app.commands.execute('docmanager:open', { path }).catch((reason: unknown) => {
        const why = problemOf(reason).message;
        Notification.error(line(trans.__('%1 cannot be opened: %2', path, why)), { autoClose: 10_000 });
      });
    };
    app.commands.addCommand(CommandIds.dashboard, {
      label: trans.__('CodeMAD Usage and Errors'),
      caption: trans.__('What was spent, which cells are slow, what was approved and what went wrong'),
      icon: logoIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        let tab = tabs.currentWidget;
        if (!tab || tab.isDisposed) {
          tab = frameOf(new DashboardTab(client, openNotebook, trans), trans);
          app.shell.add(tab, 'main');
          await tabs.add(tab);
        }
        app.shell.activateById(tab.id);
      }
    });
    palette?.addItem({ command: CommandIds.dashboard, category: trans.__('CodeMAD') });
    void restorer?.restore(tabs, { command: CommandIds.dashboard, name: () => ID });
  }
};

/** The figures in a tab. */
class DashboardTab extends ReactWidget {
  constructor(
    private _client: Client,
    private _openNotebook: (path: string) => void,
    private _trans: TranslationBundle
  ) {
    super();
    this.addClass('codemad-surface');
    this.addClass('codemad-dashboard-widget');
  }

  protected override render(): React.JSX.Element {
    return React.createElement(DashboardView, {
      load: this._load,
      openNotebook: this._openNotebook,
      trans: this._trans
    });
  }

  private readonly _load = async (days: number) => this._client.dashboard(days);
}

function frameOf(content: DashboardTab, trans: TranslationBundle): MainAreaWidget<DashboardTab> {
  const tab = new MainAreaWidget({ content });
  tab.toolbar.hide();
  tab.id = ID;
  tab.title.icon = logoIcon;
  tab.title.label = trans.__('CodeMAD usage');
  tab.title.closable = true;
  return tab;
}
