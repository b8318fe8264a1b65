import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { Renderers } from '../renderers';
import { IRenderers } from '../tokens';

/** Where other extensions say what they draw. */
export const renderersPlugin: JupyterFrontEndPlugin<IRenderers> = {
  id: 'codemad-jupyter:renderers',
  description: 'What other extensions draw in the CodeMAD panel.',
  autoStart: true,
  provides: IRenderers,
  activate: (): IRenderers => new Renderers()
};
