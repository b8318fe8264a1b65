/* eslint-disable jupyter/no-untranslated-string -- titles of settings are data here */
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Client } from '../src/client';
import { changes, marked, SettingsMirror } from '../src/mirror';
import type { SettingInfo } from '../src/protocol';
import { TestServer } from './server';

/** Lab's settings of one plugin, as far as they concern us. */
class LabSettings {
  user: Record<string, never> = {};
  changed = new Signal<this, void>(this) as never;

  async set(key: string, value: unknown): Promise<void> {
    this.user = { ...this.user, [key]: value as never };
    await this.tell();
  }

  async remove(key: string): Promise<void> {
    this.user = Object.fromEntries(Object.entries(this.user).filter(([name]) => name !== key));
    await this.tell();
  }

  async tell(): Promise<void> {
    (this.changed as Signal<this, void>).emit();
    await Promise.resolve();
  }
}

let server: TestServer;
let client: Client;
let settings: LabSettings;
let told: string[];

beforeEach(async () => {
  server = await TestServer.start();
  client = new Client(server.settings);
  settings = new LabSettings();
  told = [];
});

afterEach(async () => {
  client.dispose();
  await server.stop();
});

async function mirrored(own: object): Promise<void> {
  server.routes.settings = { settings: [], notices: [], own };
  await new SettingsMirror(client, settings, text => told.push(text)).start();
}

test('what leads from one to the other', () => {
  expect(changes({ a: 1, b: [1], c: 2 }, { a: 1, b: [2], d: { e: 1 } })).toEqual({ b: [2], c: null, d: { e: 1 } });
  expect(changes({ a: null }, {})).toEqual({});
  const filled = { budgets: { user: { cost: null, days: null }, session: null }, max_steps: 9 };
  expect(changes({}, filled)).toEqual({ max_steps: 9 });
  expect(changes({}, { budgets: { user: { cost: 3, days: null } } })).toEqual({ budgets: { user: { cost: 3 } } });
});

test('what the administrator set is marked, and what is locked cannot be edited', () => {
  const schema: ISettingRegistry.ISchema = {
    type: 'object',
    properties: {
      web_fetch: { type: 'boolean', title: 'Web fetch', description: 'Pages.' },
      budgets: { type: 'object', properties: { user: { type: 'object', properties: { cost: { type: 'number' } } } } },
      model: { type: 'string' }
    }
  };
  const row = (key: string, hold: SettingInfo['hold']): SettingInfo => ({
    key,
    hold,
    value: null,
    origin: '',
    description: '',
    ignored: []
  });
  const found = marked(schema, [
    row('web_fetch', { locked: true, text: 'Locked.' }),
    row('budgets.user.cost', { locked: false, text: 'At most 2.' }),
    row('model', null),
    row('no.such', { locked: true, text: '' })
  ]);
  expect(found.properties?.web_fetch).toEqual({
    type: 'boolean',
    title: 'Web fetch',
    description: 'Locked. Pages.',
    readOnly: true
  });
  const cost = found.properties?.budgets.properties?.user.properties?.cost;
  expect(cost).toEqual({ type: 'number', description: 'At most 2.' });
  expect(found.properties?.model).toEqual({ type: 'string' });
  expect(schema.properties?.web_fetch.description).toBe('Pages.');
});

test('the file wins at the start, and nothing is sent back', async () => {
  await settings.set('old', 1);
  await mirrored({ max_steps: 7, purposes: { code: { model: 'a/b' } } });
  expect(settings.user).toEqual({ max_steps: 7, purposes: { code: { model: 'a/b' } } });
  await settings.tell();
  expect(server.methods.settings).toBe('GET');
});

test('a change in Lab is written into the file, and only that', async () => {
  await mirrored({ max_steps: 7, trial: false });
  await settings.set('max_steps', 9);
  await vi.waitFor(() => {
    expect(server.sent.settings).toEqual({ values: { max_steps: 9 } });
  });
  expect(server.methods.settings).toBe('PUT');
  await settings.remove('trial');
  await vi.waitFor(() => {
    expect(server.sent.settings).toEqual({ values: { trial: null } });
  });
  expect(told).toEqual([]);
});

test('a server that is not there leaves Lab as it is', async () => {
  await settings.set('kept', 1);
  await new SettingsMirror(client, settings, text => told.push(text)).start();
  expect(settings.user).toEqual({ kept: 1 });
  await settings.set('max_steps', 9);
  await vi.waitFor(() => {
    expect(told).toHaveLength(1);
  });
  expect(told[0]).toContain('does not answer');
});
