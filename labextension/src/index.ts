/** The plugins of CodeMAD, one per file. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { cellsPlugin } from './plugins/cells';
import { clientPlugin } from './plugins/client';
import { notebooksPlugin } from './plugins/notebooks';
import { sessionPlugin } from './plugins/session';
import { sidebarPlugin } from './plugins/sidebar';
import { statusPlugin } from './plugins/status';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  clientPlugin,
  notebooksPlugin,
  sessionPlugin,
  sidebarPlugin,
  cellsPlugin,
  statusPlugin
];

export default plugins;
