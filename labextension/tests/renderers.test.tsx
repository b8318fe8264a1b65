/* eslint-disable jupyter/no-untranslated-string -- texts of a renderer are data here */
/** Renderers of other extensions: taken by the token, drawn in place of ours, and never of what one decides on. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { EditorLanguageRegistry } from '@jupyterlab/codemirror';
import { RenderMimeRegistry } from '@jupyterlab/rendermime';
import { ContentsManager } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { PluginRegistry } from '@lumino/coreutils';
import React from 'react';
import type { Root } from 'react-dom/client';
import { createRoot } from 'react-dom/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Client } from '../src/client';
import { IRenderers } from '../src/index';
import { OpenNotebooks } from '../src/notebook/documents';
import { renderersPlugin } from '../src/plugins/renderers';
import type { Drawable, IRenderer } from '../src/renderers';
import { Session } from '../src/session';
import type { INote, ITool } from '../src/transcript';
import { PanelContext } from '../src/views/context';
import { Drawn } from '../src/views/drawn';
import { TestServer } from './server';

import '../../tests/plugin_example/labextension/static/remoteEntry.js';

const NOTE: INote = { kind: 'note', key: 'n', level: 'info', code: 'chart', text: '1,2' };
const TOOL: ITool = {
  kind: 'tool',
  key: 't',
  agent: 'main',
  call: 'c',
  tool: 'weather',
  risk: 'read',
  arguments: {},
  status: 'ok',
  summary: '',
  content: '{"sun": 3}',
  output: '',
  seconds: 0,
  edit: null
};

let server: TestServer;
let client: Client;
let root: Root;
let host: HTMLElement;
let renderers: IRenderers;

function own(item: Drawable): React.JSX.Element {
  return <Drawn item={item}>{`ours: ${item.kind}`}</Drawn>;
}

/** What JupyterLab finds of an extension that was built for itself. */
interface IContainer {
  init: (scope: object) => void;
  get: (name: string) => Promise<() => { __esModule?: true; default: JupyterFrontEndPlugin<void> }>;
}

/** The plugin of the example package, loaded as JupyterLab loads it, with what ours shares. */
async function example(): Promise<JupyterFrontEndPlugin<void>> {
  const { _JUPYTERLAB: found } = window as unknown as { _JUPYTERLAB: Record<string, IContainer> };
  const ours = { get: async () => Promise.resolve(() => ({ IRenderers })) };
  found['codemad-example'].init({ 'codemad-jupyter': { '0.1.0': ours } });
  const module = (await found['codemad-example'].get('./extension'))();
  expect(module.__esModule).toBe(true); // else JupyterLab takes the module itself for the plugin
  return module.default;
}

/** What another extension brings along: a plugin that asks for the token. */
async function withPlugin(renderer: IRenderer): Promise<IRenderers> {
  const registry = new PluginRegistry<JupyterFrontEnd>();
  const found: IRenderers[] = [];
  registry.registerPlugin(renderersPlugin);
  registry.registerPlugin({
    // eslint-disable-next-line jupyter/plugin-id-convention -- it stands for another extension's
    id: 'weather-extension:plugin',
    description: 'Draws the weather.',
    requires: [IRenderers],
    activate: (_app: JupyterFrontEnd, given: IRenderers) => {
      found.push(given);
      given.add(renderer);
    }
  });
  await registry.activatePlugin('weather-extension:plugin');
  return found[0];
}

function show(children: React.ReactNode): void {
  const notebooks = new OpenNotebooks(null, new ContentsManager({ serverSettings: server.settings }));
  const session = new Session(client, () => notebooks.target);
  const trans = nullTranslator.load('codemad_jupyter');
  const languages = new EditorLanguageRegistry();
  const rendermime = new RenderMimeRegistry();
  root.render(
    <PanelContext.Provider value={{ session, notebooks, rendermime, languages, trans, renderers }}>
      {children}
    </PanelContext.Provider>
  );
}

async function reads(text: string): Promise<void> {
  await vi.waitFor(() => {
    expect(host.textContent).toBe(text);
  });
}

beforeEach(async () => {
  server = await TestServer.start();
  client = new Client(server.settings);
  host = document.body.appendChild(document.createElement('div'));
  root = createRoot(host);
});

afterEach(async () => {
  root.unmount();
  host.remove();
  client.dispose();
  await server.stop();
});

test('a renderer draws what it says it draws, and clears up after itself', async () => {
  const cleared = vi.fn();
  renderers = await withPlugin({
    id: 'weather-extension:sun',
    draws: item => item.kind === 'tool' && item.tool === 'weather',
    draw: (item, place) => {
      place.textContent = item.kind === 'tool' ? `sun: ${(JSON.parse(item.content) as { sun: number }).sun}` : '';
      return cleared;
    }
  });
  show(
    <>
      {own(TOOL)}
      {own(NOTE)}
    </>
  );
  await reads('sun: 3ours: note');
  expect(host.querySelector('[data-renderer="weather-extension:sun"]')).not.toBeNull();
  show(own(NOTE));
  await reads('ours: note');
  expect(cleared).toHaveBeenCalledTimes(1);
});

test('the example package draws what its tool answers', async () => {
  const registry = new PluginRegistry<JupyterFrontEnd>();
  registry.registerPlugin(renderersPlugin);
  registry.registerPlugin(await example());
  await registry.activatePlugin('codemad-example:weather');
  renderers = await registry.resolveRequiredService(IRenderers);
  show(
    <>
      {own(TOOL)}
      {own({ ...TOOL, status: 'denied', content: 'no weather for Atlantis' })}
    </>
  );
  await reads('☀☀☀ hours of sunours: tool');
});

test('one that fails leaves the place to ours, one that comes and goes is seen at once', async () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  renderers = await withPlugin({
    id: 'broken:all',
    draws: () => true,
    draw: () => {
      throw new Error('out of order');
    }
  });
  show(own(NOTE));
  await reads('ours: note');
  expect(error).toHaveBeenCalled();
  error.mockRestore();
  const [broken] = renderers.all();
  expect(() => renderers.add(broken)).toThrow('already');

  const draw = (_: Drawable, place: HTMLElement): undefined => {
    place.textContent = 'theirs';
  };
  renderers = await withPlugin({ id: 'other:none', draws: () => false, draw });
  show(own(NOTE));
  const added = renderers.add({ id: 'other:all', draws: () => true, draw });
  await reads('theirs');
  added.dispose();
  await reads('ours: note');
});

test('what a person decides on is offered to nobody', async () => {
  const asked: string[] = [];
  renderers = await withPlugin({
    id: 'curious:all',
    draws: item => asked.push(item.kind) > 0,
    draw: () => undefined
  });
  for (const kind of ['approval', 'edit', 'plan']) {
    expect(renderers.of({ kind })).toBeNull();
  }
  expect(asked).toEqual([]);
});
