/* The package's part in JupyterLab. A bundler makes such a file from a module that says
   `import { IRenderers } from 'codemad-jupyter'`; it is written by hand here, so that nothing has to be built. */
(() => {
  let shared = {};

  async function codemad() {
    const [version] = Object.values(shared['codemad-jupyter']);
    const factory = await version.get();
    return factory();
  }

  const renderer = {
    id: 'codemad-example:weather',
    draws: item => item.kind === 'tool' && item.tool === 'weather' && item.status === 'ok',
    draw: (item, host) => {
      host.textContent = `${'☀'.repeat(JSON.parse(item.content).sun)} hours of sun`;
    }
  };

  const modules = {
    './extension': async () => {
      const { IRenderers } = await codemad();
      const plugin = {
        id: 'codemad-example:weather',
        description: 'Draws what the tool `weather` answers.',
        autoStart: true,
        requires: [IRenderers],
        activate: (app, renderers) => {
          renderers.add(renderer);
        }
      };
      return () => ({ __esModule: true, default: plugin });
    }
  };

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB['codemad-example'] = {
    init: scope => {
      shared = scope;
    },
    get: name => modules[name]()
  };
})();
