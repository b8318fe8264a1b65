/** The model picker: what can be called now, and of the rest what is missing. */
import { InputDialog } from '@jupyterlab/apputils';
import React from 'react';

import type { ModelInfo } from '../protocol';
import { line } from '../text';
import { usePages, usePanel, useSession } from './context';
import { OFFLINE, modelDetail, modelText } from './format';
import type { IMenuEntry } from './menu';
import { Menu } from './menu';

export function ModelMenu(props: { opener: React.MutableRefObject<(() => void) | null> }): React.JSX.Element {
  const { session, trans } = usePanel();
  const { pages } = usePages();
  const models = useSession(snapshot => snapshot.models);
  const current = useSession(snapshot => snapshot.transcript.model || snapshot.defaultModel);
  const all = sorted(models);
  const entries = all.map((model, index): IMenuEntry => ({
    key: model.name,
    label: modelText(model.name, trans),
    detail: modelDetail(model, trans),
    checked: model.name === current,
    disabled: !model.ready,
    locked: model.locked,
    heading: model.provider === all[index - 1]?.provider ? undefined : providerText(model, trans),
    run: () => void session.chooseModel(model.name)
  }));
  const lacking = all.findIndex(model => !model.ready);
  entries.splice(lacking < 0 ? entries.length : lacking, 0, {
    key: 'keys',
    label: trans.__('Set a key…'),
    detail: trans.__('of your own with a provider, or of your own server'),
    heading: trans.__('Connect a model'),
    run: () => {
      pages.show('keys');
    }
  });
  entries.push({
    key: 'other',
    label: trans.__('Other model…'),
    detail: trans.__('by its full name, as provider/name'),
    heading: trans.__('More'),
    run: () => {
      void InputDialog.getText({
        title: trans.__('Use another model'),
        label: trans.__('Full name, as anthropic/… or litellm/…'),
        text: current
      }).then(async ({ value }) => {
        if (value?.trim()) {
          await session.chooseModel(value.trim());
        }
      });
    }
  });
  const name = current ? modelText(current, trans) : trans.__('Model');
  return (
    <Menu
      label={trans.__('Model: %1', name)}
      entries={entries}
      direction="up"
      className="codemad-models"
      opener={props.opener}
      onOpen={() => void session.reloadModels()}
    >
      <span className="codemad-menu-name">{name}</span>
    </Menu>
  );
}

/** Providers that can be called first, the built-in assistant before all. */
function sorted(models: readonly ModelInfo[]): ModelInfo[] {
  const ready = new Set(models.filter(model => model.ready).map(model => model.provider));
  const rank = (model: ModelInfo): number => (model.name === OFFLINE ? 0 : ready.has(model.provider) ? 1 : 2);
  return [...models].sort((a, b) => rank(a) - rank(b) || a.provider.localeCompare(b.provider));
}

function providerText(model: ModelInfo, trans: ReturnType<typeof usePanel>['trans']): string {
  const names: Record<string, string> = {
    codemad: trans.__('Without a model'),
    anthropic: 'Anthropic',
    openai: 'OpenAI',
    ollama: 'Ollama',
    litellm: 'LiteLLM',
    compatible: trans.__('Own server')
  };
  return Object.hasOwn(names, model.provider) ? names[model.provider] : line(model.provider);
}
