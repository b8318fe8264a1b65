/** A question the engine asks before it acts: what exactly, why, and the two answers. */
import { lockIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { clip, line, plain } from '../text';
import type { IApproval } from '../transcript';
import { CommandButton, Icon } from './button';
import { usePanel } from './context';
import { toolVerb } from './format';

const ACTION_LIMIT = 20_000;

function ApprovalCardContent({ item }: { item: IApproval }): React.JSX.Element {
  const { session, trans } = usePanel();
  const verb = toolVerb(item.tool, trans);
  const isPending = item.decision === 'pending';
  return (
    <section
      className={`codemad-card codemad-approval codemad-approval-${item.decision}`}
      aria-label={trans.__('Approval: %1', verb)}
    >
      <header className="codemad-card-header">
        <Icon of={lockIcon} />
        <span className="codemad-card-title">{isPending ? trans.__('%1?', verb) : verb}</span>
        {!isPending && <Decision item={item} />}
      </header>
      {isPending && item.reason && <p className="codemad-edit-title">{line(item.reason)}</p>}
      {isPending && (
        <pre className="codemad-action" role="group" tabIndex={0} aria-label={trans.__('What will be done')}>
          {clip(plain(item.action), ACTION_LIMIT)}
        </pre>
      )}
      {isPending && (
        <div className="codemad-card-actions">
          <CommandButton kind="primary" onClick={() => session.approve(item.approval)}>
            {trans.__('Approve')}
          </CommandButton>
          <CommandButton onClick={() => session.reject(item.approval)}>{trans.__('Reject')}</CommandButton>
        </div>
      )}
    </section>
  );
}

export const ApprovalCard = React.memo(ApprovalCardContent);

function Decision({ item }: { item: IApproval }): React.JSX.Element {
  const { trans } = usePanel();
  const texts = {
    pending: '',
    approved: trans.__('approved'),
    rejected: trans.__('rejected'),
    expired: trans.__('not answered')
  };
  return (
    <span className={`codemad-badge codemad-badge-${item.decision}`} title={line(item.answer)}>
      {texts[item.decision]}
    </span>
  );
}
