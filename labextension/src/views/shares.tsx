/** What the Sessions page says of sharing: with whom, what others share, and the way to share a session. */
import { InputDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { SessionInfo, Share, SharedWithMe } from '../protocol';
import type { Permission, Sharing } from '../sharing';
import { line } from '../text';
import { Button, CommandButton } from './button';
import { usePages, usePanel } from './context';
import { useLoaded } from './loaded';

export function Shares(): React.JSX.Element | null {
  const { trans } = usePanel();
  const { pages, sharing } = usePages();
  const heading = React.useId();
  const version = React.useSyncExternalStore(sharing.subscribe, sharing.getVersion);
  const ask = React.useCallback(
    async () => sharing.list(),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- a newer number means that the list has changed
    [sharing, version]
  );
  const { value } = useLoaded(ask);
  if (!value || (!value.offered && !value.mine.length)) {
    return null; // on a machine without a hub there is nothing to show; sharing says what is missing
  }
  return (
    <section className="codemad-memories" aria-labelledby={heading}>
      <h3 id={heading}>{trans.__('Shared')}</h3>
      {value.problem && <p role="alert">{line(value.problem)}</p>}
      <ul aria-label={trans.__('Shared with you')}>
        {value.with_me.map(there => (
          <li key={`${there.owner} ${there.session}`} className="codemad-session">
            <button
              type="button"
              className="codemad-session-title"
              onClick={() => {
                pages.visit(there);
              }}
            >
              {trans.__('%1 of %2', titleOf(there, trans), line(there.owner))}
            </button>
            <span className="codemad-point-detail">{wordOf(there.permission, trans)}</span>
          </li>
        ))}
      </ul>
      <ul aria-label={trans.__('Shared by you')}>
        {value.mine.map(share => (
          <li key={`${share.guest} ${share.session}`} className="codemad-session">
            <span className="codemad-session-text">
              {trans.__('%1 with %2', titleOf(share, trans), line(share.guest))}{' '}
              <span className="codemad-point-detail">{wordOf(share.permission, trans)}</span>
            </span>
            <CommandButton
              label={trans.__('Share it with %1 no more', line(share.guest))}
              onClick={() => sharing.unshare(share.session, share.guest)}
            >
              {trans.__('Stop')}
            </CommandButton>
          </li>
        ))}
      </ul>
      <Button kind="quiet" onClick={sharing.look}>
        {trans.__('Look again')}
      </Button>
    </section>
  );
}

function titleOf({ title }: Share | SharedWithMe, trans: TranslationBundle): string {
  return line(title) || trans.__('Untitled session');
}

function wordOf(permission: Permission, trans: TranslationBundle): string {
  return {
    read: trans.__('may read'),
    comment: trans.__('may read and comment'),
    drive: trans.__('may read, comment and ask')
  }[permission];
}

/** Ask with whom and how far, saying what it means, then share. */
export async function share(sharing: Sharing, info: SessionInfo, trans: TranslationBundle): Promise<void> {
  const title = trans.__('Share “%1”', line(info.title) || trans.__('Untitled session'));
  const label = trans.__(
    'With whom (the name as the hub writes it)? The person will see the whole conversation from its beginning, with the values and outputs in it, and what follows.'
  );
  const { value: guest } = await InputDialog.getText({ title, label, okLabel: trans.__('Next') });
  if (!guest?.trim()) {
    return;
  }
  const given: Permission[] = ['read', 'comment', 'drive'];
  const items = given.map(each => wordOf(each, trans));
  const { value: chosen } = await InputDialog.getItem({
    title,
    label: trans.__(
      'What may %1 do? Who asks does so with your model, files and kernel, as far as the mode lets that through without asking you.',
      line(guest)
    ),
    items,
    okLabel: trans.__('Share')
  });
  const permission = given.at(items.indexOf(chosen ?? ''));
  if (chosen !== null && permission) {
    await sharing.share(info.id, guest.trim(), permission);
  }
}
