import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import type { Client } from '../client';
import type { SettingInfo, SettingsInfo } from '../protocol';
import { IClient } from '../tokens';
import { marked, SettingsMirror } from '../mirror';

const SETTINGS = 'codemad-jupyter:settings';

/** The settings as they hold; none while the server does not answer. */
async function settingsOf(client: Client): Promise<readonly SettingInfo[]> {
  try {
    return (await client.request<SettingsInfo>('settings')).settings;
  } catch {
    return [];
  }
}

/** The person's settings in Lab's editor. The one place where they are kept is the file on the server. */
export const settingsPlugin: JupyterFrontEndPlugin<void> = {
  id: SETTINGS,
  description: 'Shows the settings of CodeMAD in the settings editor, and writes what is changed there.',
  autoStart: true,
  requires: [IClient, ISettingRegistry],
  activate: (app: JupyterFrontEnd, client: IClient, registry: ISettingRegistry): void => {
    let rows: readonly SettingInfo[] = [];
    // Lab does not load these settings before this is there.
    registry.transform(SETTINGS, { fetch: plugin => ({ ...plugin, schema: marked(plugin.schema, rows) }) });
    void app.restored.then(async () => {
      rows = await settingsOf(client);
      const settings = await registry.load(SETTINGS, true);
      const mirror = new SettingsMirror(client, settings, text => {
        Notification.error(text, { autoClose: 10_000 });
      });
      await mirror.start();
    });
  }
};
