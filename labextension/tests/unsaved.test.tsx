import { nullTranslator } from '@jupyterlab/translation';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Client } from '../src/client';
import { Requests } from '../src/requests';
import { Session } from '../src/session';
import type { IPagesContext, IPanelContext } from '../src/views/context';
import { PagesContext, PanelContext } from '../src/views/context';
import { UnsavedBanner } from '../src/views/unsaved';
import { TestServer } from './server';

const TARGET = { notebook: null, kernel: null, cell: null };
const PATIENT = { timeout: 15_000 };
let server: TestServer;
let client: Client;
let host: HTMLElement;

beforeEach(async () => {
  server = await TestServer.start();
  client = new Client(server.settings);
  host = document.body.appendChild(document.createElement('div'));
});

afterEach(async () => {
  host.remove();
  client.dispose();
  await server.stop();
});

async function drawn(): Promise<void> {
  const session = new Session(client, () => TARGET);
  const requests = new Requests(client, session, () => TARGET);
  const panel = { session, trans: nullTranslator.load('codemad_jupyter') } as unknown as IPanelContext;
  createRoot(host).render(
    <PanelContext.Provider value={panel}>
      <PagesContext.Provider value={{ requests } as unknown as IPagesContext}>
        <UnsavedBanner />
      </PagesContext.Provider>
    </PanelContext.Provider>
  );
  await session.open();
}

test('a conversation that is not saved says so, and what to do', async () => {
  server.routes.status = { unsaved: 'Sessions cannot be saved in /data: make the folder writable.' };
  await drawn();
  await vi.waitFor(() => {
    expect(host.textContent).toBe(
      'Nothing is saved. Sessions cannot be saved in /data: make the folder writable.'
    );
  }, PATIENT);
  expect(host.querySelector('section')?.getAttribute('role')).toBe('status');
});

test('where all is saved nothing is said', async () => {
  server.routes.status = { unsaved: '' };
  await drawn();
  await vi.waitFor(() => {
    expect(server.requests.some(each => each.includes('status'))).toBe(true);
  }, PATIENT);
  expect(host.textContent).toBe('');
});
