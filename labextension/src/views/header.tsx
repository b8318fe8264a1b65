/** The panel's top: which session is shown, the others, and a button for a new one. */
import { InputDialog } from '@jupyterlab/apputils';
import type { LabIcon } from '@jupyterlab/ui-components';
import { addIcon, ellipsesIcon, historyIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Page } from '../pages';
import { line } from '../text';
import { Button, CommandButton, Icon } from './button';
import { usePages, usePanel, useSession } from './context';
import { ageText, ordered } from './format';
import { agentsIcon, eyeIcon, logoIcon } from './icons';
import type { IMenuEntry } from './menu';
import { Menu } from './menu';

const SHOWN_SESSIONS = 30;

export function Header(): React.JSX.Element {
  const { session, trans } = usePanel();
  const sessions = useSession(snapshot => snapshot.sessions);
  const id = useSession(snapshot => snapshot.transcript.session);
  const title = useSession(snapshot => snapshot.transcript.title);
  const hasSession = id !== '';
  const name = line(title) || trans.__('New session');
  const entries: IMenuEntry[] = [
    {
      key: 'rename',
      label: trans.__('Rename…'),
      disabled: !hasSession,
      run: () => {
        void InputDialog.getText({ title: trans.__('Rename session'), text: title }).then(
          async ({ value }) => {
            if (value?.trim()) {
              await session.rename(value.trim());
            }
          }
        );
      }
    },
    ...ordered(sessions, false)
      .slice(0, SHOWN_SESSIONS)
      .map((info, index) => ({
        key: info.id,
        label: line(info.title) || trans.__('Untitled session'),
        detail: ageText(info.updated, trans),
        checked: info.id === id,
        heading: index === 0 ? trans.__('Sessions') : undefined,
        run: () => {
          session.choose(info.id);
        }
      }))
  ];
  return (
    <div className="codemad-header">
      <Icon of={logoIcon} className="codemad-logo" />
      <Menu label={trans.__('Session: %1', name)} entries={entries} className="codemad-sessions">
        <span className="codemad-menu-name">{name}</span>
      </Menu>
      <Connection />
      <PageButton page="run" icon={agentsIcon} label={trans.__('Run and agents')} />
      <PageButton page="timeline" icon={historyIcon} label={trans.__('Timeline')} />
      <PageButton page="context" icon={eyeIcon} label={trans.__('What is sent')} />
      <MorePages />
      <CommandButton
        kind="quiet"
        icon={addIcon}
        label={trans.__('New session')}
        onClick={() => session.create()}
      />
    </div>
  );
}

/** The pages that are opened now and then. */
function MorePages(): React.JSX.Element {
  const { trans } = usePanel();
  const { pages } = usePages();
  const page = React.useSyncExternalStore(pages.subscribe, pages.getPage);
  const entry = (key: Page, label: string, detail: string): IMenuEntry => ({
    key,
    label,
    detail,
    checked: page === key,
    run: () => {
      pages.toggle(key);
    }
  });
  const entries = [
    entry('sessions', trans.__('Sessions and branches'), trans.__('fork, compare, merge, archive, export')),
    entry('memory', trans.__('Memory'), trans.__('what is remembered between conversations')),
    entry('keys', trans.__('Keys and trust'), trans.__('keys of providers, and what this folder may do'))
  ];
  return (
    <Menu label={trans.__('More pages')} entries={entries} className="codemad-more" isPlain>
      <Icon of={ellipsesIcon} />
    </Menu>
  );
}

/** Opens a page of the panel, or goes back to the conversation. */
function PageButton(props: { page: Page; icon: LabIcon; label: string }): React.JSX.Element {
  const { pages } = usePages();
  const isOpen = React.useSyncExternalStore(pages.subscribe, pages.getPage) === props.page;
  return (
    <Button
      kind="quiet"
      icon={props.icon}
      label={props.label}
      pressed={isOpen}
      className="codemad-page-button"
      onClick={() => {
        pages.toggle(props.page);
      }}
    />
  );
}

function Connection(): React.JSX.Element {
  const { trans } = usePanel();
  const connection = useSession(snapshot => snapshot.connection);
  return (
    <span className="codemad-connection" role="status">
      {connection === 'lost' && (
        <>
          <span className="codemad-spinner" aria-hidden="true" />
          {trans.__('Reconnecting…')}
        </>
      )}
    </span>
  );
}
