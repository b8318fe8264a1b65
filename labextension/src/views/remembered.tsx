/** A line about something that is remembered, with the ways to keep it or to take it back. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { infoIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { line } from '../text';
import type { IRemembered } from '../transcript';
import { CommandButton, Icon } from './button';
import { usePanel } from './context';

export function RememberedView({ item }: { item: IRemembered }): React.JSX.Element {
  const { session, trans } = usePanel();
  const isWaiting = item.change === 'waiting';
  const isThere = item.change !== 'forgotten';
  const text = line(item.text);
  return (
    <div className={`codemad-note codemad-note-${isWaiting ? 'warning' : 'info'} codemad-remembered`}>
      <Icon of={infoIcon} />
      <span className="codemad-remembered-text">
        {whatText(item, trans)} {isThere && <q>{text}</q>}
      </span>
      {isWaiting && (
        <CommandButton
          label={trans.__('Keep “%1”', text)}
          onClick={() => session.confirmMemory(item.memories[0])}
        >
          {trans.__('Keep')}
        </CommandButton>
      )}
      {isThere && (
        <CommandButton
          kind="quiet"
          label={trans.__('Forget “%1”', text)}
          onClick={() => session.forgetMemories(item.memories)}
        >
          {trans.__('Forget')}
        </CommandButton>
      )}
    </div>
  );
}

function whatText({ change, scope, memories }: IRemembered, trans: TranslationBundle): string {
  switch (change) {
    case 'waiting':
      return trans.__('Remember this, %1?', whereText(scope, trans));
    case 'forgotten':
      return trans._n(
        'Forgotten: %1 fact.',
        'Forgotten: %1 facts.',
        memories.length,
        memories.length.toString()
      );
    default:
      return trans.__('Remembered, %1:', whereText(scope, trans));
  }
}

function whereText(scope: IRemembered['scope'], trans: TranslationBundle): string {
  const texts = {
    session: trans.__('in this conversation'),
    project: trans.__('in this project'),
    user: trans.__('about you, everywhere'),
    role: trans.__('for a role')
  };
  return scope ? texts[scope] : '';
}
