/** The plugins of CodeMAD, one per file. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { cellsPlugin } from './plugins/cells';
import { clientPlugin } from './plugins/client';
import { dashboardPlugin } from './plugins/dashboard';
import { failuresPlugin } from './plugins/failures';
import { filesPlugin } from './plugins/files';
import { ghostPlugin } from './plugins/ghost';
import { mergePlugin } from './plugins/merge';
import { notebooksPlugin } from './plugins/notebooks';
import { outputsPlugin } from './plugins/outputs';
import { renderersPlugin } from './plugins/renderers';
import { reviewPlugin } from './plugins/review';
import { selectionPlugin } from './plugins/selection';
import { sessionPlugin } from './plugins/session';
import { sidebarPlugin } from './plugins/sidebar';
import { settingsPlugin } from './plugins/settings';
import { statusPlugin } from './plugins/status';

// What other extensions need to draw in the panel.
export { IRenderers } from './tokens';
export type { Drawable, IRenderer } from './renderers';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  clientPlugin,
  renderersPlugin,
  notebooksPlugin,
  sessionPlugin,
  sidebarPlugin,
  cellsPlugin,
  reviewPlugin,
  filesPlugin,
  mergePlugin,
  failuresPlugin,
  selectionPlugin,
  outputsPlugin,
  ghostPlugin,
  settingsPlugin,
  statusPlugin,
  dashboardPlugin
];

export default plugins;
