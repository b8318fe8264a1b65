import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

/** Holds the extension's settings page; the features are plugins of their own. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'codemad-jupyter:plugin',
  description: 'The CodeMAD assistant.',
  autoStart: true,
  activate: () => undefined
};

export default [plugin];
