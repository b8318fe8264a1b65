/** What a view needs of the panel around it, over a real server: drawn into a page, without JupyterLab. */
import { EditorLanguageRegistry } from '@jupyterlab/codemirror';
import { RenderMimeRegistry } from '@jupyterlab/rendermime';
import { ContentsManager } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import React from 'react';
import { createRoot } from 'react-dom/client';

import { Access } from '../src/access';
import { Branches } from '../src/branches';
import { Client } from '../src/client';
import { Drops } from '../src/drops';
import { OpenNotebooks } from '../src/notebook/documents';
import { Pages } from '../src/pages';
import { Requests } from '../src/requests';
import { Session } from '../src/session';
import { Sharing } from '../src/sharing';
import { PagesContext, PanelContext } from '../src/views/context';
import type { TestServer } from './server';

export interface IPanel {
  client: Client;
  session: Session;
  pages: Pages;
  drops: Drops;
  host: HTMLElement;
  /** Take it all down again, the server too. */
  close: () => Promise<void>;
}

/** Draw the view. The client is not connected, and no session is open. */
export function drawPanel(
  server: TestServer,
  view: React.ReactNode,
  rendermime = new RenderMimeRegistry()
): IPanel {
  const client = new Client(server.settings);
  const contents = new ContentsManager({ serverSettings: server.settings });
  const notebooks = new OpenNotebooks(null, contents);
  const target = (): typeof notebooks.target => notebooks.target;
  const session = new Session(client, target);
  const trans = nullTranslator.load('codemad_jupyter');
  const [pages, drops] = [new Pages(), new Drops(notebooks, contents, trans)];
  const context = {
    session,
    requests: new Requests(client, session, target),
    branches: new Branches(client, session, target),
    sharing: new Sharing(client, session),
    access: new Access(client),
    pages,
    drops,
    notebooks,
    rendermime,
    languages: new EditorLanguageRegistry(),
    trans
  };
  const host = document.body.appendChild(document.createElement('div'));
  const root = createRoot(host);
  root.render(
    <PanelContext.Provider value={context}>
      <PagesContext.Provider value={context}>{view}</PagesContext.Provider>
    </PanelContext.Provider>
  );
  const close = async (): Promise<void> => {
    root.unmount();
    host.remove();
    client.dispose();
    await server.stop();
  };
  return { client, session, pages, drops, host, close };
}
