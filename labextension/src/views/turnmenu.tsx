/** What one can do from a turn of the conversation: begin a branch or a session there. */
import { InputDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Branches, IPlace } from '../branches';
import { Icon } from './button';
import { PagesContext, usePanel, useSession } from './context';
import { branchIcon } from './icons';
import { Menu } from './menu';

export function TurnMenu({ run }: { run: string }): React.JSX.Element | null {
  const { trans } = usePanel();
  const parts = React.useContext(PagesContext);
  const isRunning = useSession(snapshot => snapshot.transcript.running !== null);
  if (!parts) {
    return null;
  }
  const { branches } = parts;
  const entries = [
    {
      key: 'branch',
      label: trans.__('Branch after this turn…'),
      run: () => {
        ask(branches, { run }, trans);
      }
    },
    {
      key: 'again',
      label: trans.__('Branch before this turn…'),
      run: () => {
        ask(branches, { run, before: true }, trans);
      }
    },
    {
      key: 'fork',
      label: trans.__('Fork into a new session'),
      run: () => void branches.fork({ run })
    }
  ].map(entry => ({ ...entry, disabled: isRunning && entry.key !== 'fork' }));
  return (
    <Menu
      label={trans.__('Branch or fork from here')}
      entries={entries}
      className="codemad-turn-menu"
      direction="up"
    >
      <Icon of={branchIcon} />
    </Menu>
  );
}

/** Ask for a name, then begin a branch there. */
export function ask(branches: Branches, place: IPlace, trans: TranslationBundle): void {
  const title = trans.__('Begin a branch');
  const label = trans.__('Its name (may be empty). Files stay as they are.');
  void InputDialog.getText({ title, label, okLabel: trans.__('Begin') }).then(async ({ value }) => {
    if (value !== null) {
      await branches.branch(value.trim(), place);
    }
  });
}
