/* eslint-disable jupyter/no-untranslated-string -- what the server answers is data here */
import React from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Pages } from '../src/pages';
import type { FolderTrust, KeyRing } from '../src/protocol';
import { Keys } from '../src/views/keys';
import { TrustBanner } from '../src/views/trust';
import { drawPanel } from './panel';
import { TestServer } from './server';

let server: TestServer;
let pages: Pages;
let host: HTMLElement;
let close: () => Promise<void>;

const FOLDER: FolderTrust = {
  folder: '/data/work',
  state: 'untrusted',
  by: 'nobody',
  since: null,
  found: ['codemad.toml', 'AGENTS.md'],
  digest: 'abc'
};

const RING: KeyRing = {
  keys: [
    { provider: 'anthropic', title: 'Anthropic', place: 'environment', variable: 'ANTHROPIC_API_KEY', detail: '' },
    { provider: 'compatible', title: 'A gateway', place: 'hub', variable: 'CODEMAD_COMPATIBLE_KEY', detail: '' },
    { provider: 'openai', title: 'OpenAI', place: 'none', variable: 'OPENAI_API_KEY', detail: '' }
  ],
  store: 'file',
  notice: 'The system offers no key store.'
};

function Shown(): React.JSX.Element {
  const page = React.useSyncExternalStore(pages.subscribe, pages.getPage);
  return page === 'keys' ? <Keys /> : <TrustBanner />;
}

beforeEach(async () => {
  server = await TestServer.start();
  server.routes.trust = FOLDER;
  server.routes.keys = RING;
  server.routes.settings = { settings: [], own: {}, notices: [], policy: null };
  ({ pages, host, close } = drawPanel(server, <Shown />));
});

afterEach(async () => {
  await close();
});

async function shown(text: string): Promise<void> {
  await vi.waitFor(() => {
    expect(host.textContent).toContain(text);
  });
}

async function click(name: string): Promise<void> {
  await vi.waitFor(() => {
    const found = [...host.querySelectorAll('button')].find(each => [each.title, each.textContent].includes(name));
    expect(found, name).toBeDefined();
    found?.click();
  });
}

test('a folder with rules asks for trust, and says what it is about', async () => {
  await shown('“work” brings instructions or settings of its own: codemad.toml, AGENTS.md.');
  server.routes.trust = { ...FOLDER, state: 'trusted', by: 'you', since: 1 };
  await click('Trust this folder');
  await vi.waitFor(() => {
    expect(host.textContent).toBe('');
  });
  expect([server.methods.trust, server.sent.trust]).toEqual(['POST', { trusted: true, seen: 'abc' }]);
});

test('it can be put off, and nothing is said where nothing waits', async () => {
  await shown('Trust this folder');
  await click('Not now');
  await vi.waitFor(() => {
    expect(host.textContent).toBe('');
  });
  expect(server.methods.trust).toBe('GET');
});

test('changed settings ask again, on the page too', async () => {
  server.routes.trust = { ...FOLDER, state: 'changed', by: 'you' };
  pages.show('keys');
  await shown('have changed since you trusted it');
  server.routes.trust = { ...FOLDER, by: 'nobody' };
  await click('Trust it no longer');
  await shown('They count only once you trust it');
  expect(server.sent.trust).toEqual({ trusted: false, seen: 'abc' });
});

test('what the administrator set stands on the page, with whom to ask', async () => {
  server.routes.settings = {
    settings: [],
    own: {},
    notices: [],
    policy: {
      place: '/etc/codemad/policy.toml',
      contact: 'help@example.org',
      problem: '',
      loose: '',
      said: ['mode: at most ask', 'tools: never run_command']
    }
  };
  pages.show('keys');
  await shown('Set by the administrator');
  await shown('/etc/codemad/policy.toml (help@example.org)');
  await shown('tools: never run_command');
});

test('a key goes to the server and is not kept here', async () => {
  pages.show('keys');
  await shown('from the environment (ANTHROPIC_API_KEY)');
  const gateway = [...host.querySelectorAll('.codemad-key')].find(each => each.textContent.includes('A gateway'));
  expect(gateway?.textContent).toContain('the hub lets this server in');
  expect([...gateway!.querySelectorAll('button')].map(each => each.textContent)).toEqual(['Try']);
  await shown('The system offers no key store.');
  await click('Set the key for OpenAI');
  const field = await vi.waitFor(() => {
    const found = host.querySelector<HTMLInputElement>('input[type=password]');
    expect(found).not.toBeNull();
    return found as HTMLInputElement;
  });
  field.value = 'sk-CANARY';
  server.routes['keys/openai'] = { done: 'The key for OpenAI is kept in the encrypted file.' };
  const [anthropic, , openai] = RING.keys;
  server.routes.keys = { ...RING, keys: [anthropic, { ...openai, place: 'file' }] };
  await click('Keep');
  await shown('The key for OpenAI is kept in the encrypted file.');
  expect([server.methods['keys/openai'], server.sent['keys/openai']]).toEqual(['PUT', { key: 'sk-CANARY' }]);
  expect(field.value).toBe('');
  expect(host.innerHTML).not.toContain('CANARY');
  server.routes['keys/openai/test'] = { provider: 'openai', ok: false, text: 'The provider refused the key.' };
  await click('Try the key for OpenAI');
  await shown('The provider refused the key.');
  expect(server.methods['keys/openai/test']).toBe('POST');
  server.routes['keys/openai'] = { done: 'The key for OpenAI is forgotten here.' };
  await click('Delete the key for OpenAI');
  await shown('is forgotten here');
  expect(server.methods['keys/openai']).toBe('DELETE');
});
