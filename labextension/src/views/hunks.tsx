/** The single changes of a proposal, each with its own Accept and Reject. */
import { checkIcon, closeIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Edit, Hunk } from '../protocol';
import { line } from '../text';
import { CommandButton } from './button';
import { usePanel } from './context';

export function Hunks({ edit }: { edit: Edit }): React.JSX.Element {
  const { trans } = usePanel();
  return (
    <ol className="codemad-hunks" aria-label={trans.__('Single changes')}>
      {edit.hunks.map(hunk => (
        <HunkRow key={hunk.id} edit={edit} hunk={hunk} />
      ))}
    </ol>
  );
}

function HunkRow({ edit, hunk }: { edit: Edit; hunk: Hunk }): React.JSX.Element {
  const { session, trans } = usePanel();
  const where = trans.__('Line %1', (hunk.start + 1).toString());
  const first = (hunk.new.find(text => text.trim()) ?? hunk.old.find(text => text.trim()) ?? '').trim();
  return (
    <li className="codemad-hunk">
      <span className="codemad-hunk-where">{where}</span>
      <code className="codemad-hunk-text">{line(first)}</code>
      <span className="codemad-hunk-size">
        +{hunk.new.length} −{hunk.old.length}
      </span>
      {hunk.status === 'pending' ? (
        <>
          <CommandButton
            kind="quiet"
            icon={checkIcon}
            label={trans.__('Accept the change at line %1', (hunk.start + 1).toString())}
            onClick={() => session.acceptEdit(edit.id, [hunk.id])}
          />
          <CommandButton
            kind="quiet"
            icon={closeIcon}
            label={trans.__('Reject the change at line %1', (hunk.start + 1).toString())}
            onClick={() => session.rejectEdit(edit.id, [hunk.id])}
          />
        </>
      ) : (
        <span className="codemad-badge">
          {hunk.status === 'accepted' ? trans.__('accepted') : trans.__('rejected')}
        </span>
      )}
    </li>
  );
}
