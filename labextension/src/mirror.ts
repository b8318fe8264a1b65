/**
 * Keeps Lab's settings the same as the person's file on the server, which is where they count.
 *
 * At the start the file wins; from then on what is changed in Lab is written into it. What the server refuses
 * is told, and Lab shows again what holds.
 */
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type {
  PartialJSONValue,
  ReadonlyPartialJSONObject,
  ReadonlyPartialJSONValue
} from '@lumino/coreutils';
import { JSONExt } from '@lumino/coreutils';

import type { Client } from './client';
import { problemOf } from './problems';
import type { SettingInfo, SettingsInfo } from './protocol';

type Schema = ISettingRegistry.IProperty;
type Values = ReadonlyPartialJSONObject;
type LabSettings = Pick<ISettingRegistry.ISettings, 'user' | 'set' | 'remove' | 'changed'>;

export class SettingsMirror {
  constructor(client: Client, settings: LabSettings, tell: (text: string) => void) {
    this._client = client;
    this._settings = settings;
    this._tell = tell;
  }

  async start(): Promise<void> {
    await this._pull();
    this._settings.changed.connect(() => {
      // One after another: a slow answer must not overtake a later change.
      this._turn = this._turn.then(() => this._push());
    });
  }

  /** Show in Lab what stands in the file. */
  private async _pull(): Promise<void> {
    let own: Values;
    try {
      own = (await this._client.request<SettingsInfo>('settings')).own as Values;
    } catch {
      // The sidebar says that the server does not answer; only what is changed from now on counts.
      this._known = this._settings.user;
      return;
    }
    this._known = own;
    for (const [key, value] of Object.entries(changes(this._settings.user, own))) {
      await (value === null
        ? this._settings.remove(key)
        : this._settings.set(key, value as PartialJSONValue));
    }
  }

  /** Write into the file what was changed in Lab. */
  private async _push(): Promise<void> {
    const wanted = this._settings.user;
    const values = changes(this._known, wanted);
    if (Object.keys(values).length === 0) {
      return;
    }
    try {
      await this._client.request('settings', { method: 'PUT', body: JSON.stringify({ values }) });
      this._known = wanted;
    } catch (reason) {
      const { message, hint } = problemOf(reason);
      this._tell(`${message} ${hint}`.trim());
      await this._pull();
    }
  }

  private _client: Client;
  private _known: Values = {};
  private _settings: LabSettings;
  private _tell: (text: string) => void;
  private _turn = Promise.resolve();
}

/** The schema with what the administrator set marked: what is locked cannot be edited, and each says why. */
export function marked(
  schema: ISettingRegistry.ISchema,
  rows: readonly SettingInfo[]
): ISettingRegistry.ISchema {
  const copy = JSONExt.deepCopy(schema);
  for (const { key, hold } of rows) {
    const property = hold && propertyOf(copy, key.split('.'));
    if (property) {
      property.description = `${hold.text} ${property.description ?? ''}`.trim();
      if (hold.locked) {
        Object.assign(property, { readOnly: true });
      }
    }
  }
  return copy;
}

function propertyOf(schema: ISettingRegistry.ISchema, steps: readonly string[]): Schema | undefined {
  let found: Schema | undefined;
  let below: Record<string, Schema> | undefined = schema.properties;
  for (const step of steps) {
    found = below && Object.hasOwn(below, step) ? below[step] : undefined;
    below = found?.properties;
  }
  return found;
}

/** What leads from one set of values to the other; null takes a value out. */
export function changes(from: Values, to: Values): Record<string, Values[string] | null> {
  const found: Record<string, Values[string] | null> = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [before, after] = [given(from[key]), given(to[key])];
    if (!JSONExt.deepEqual(before, after)) {
      found[key] = after;
    }
  }
  return found;
}

/** The value without what was not given: Lab's form fills the tables it shows with nulls and empty tables. */
function given(value: Values[string]): ReadonlyPartialJSONValue | null {
  if (value === undefined || value === null || JSONExt.isPrimitive(value) || JSONExt.isArray(value)) {
    return value ?? null;
  }
  const kept = Object.entries(value)
    .map(([key, inner]): [string, ReadonlyPartialJSONValue | null] => [key, given(inner)])
    .filter(([, inner]) => inner !== null);
  return kept.length > 0 ? Object.fromEntries(kept) : null;
}
