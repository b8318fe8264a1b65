/** How a proposal stands, in one word: its trial while it is open, its fate afterwards. */
import React from 'react';

import type { Trial } from '../protocol';
import { line } from '../text';
import type { IProposal } from '../transcript';
import { usePanel } from './context';

export function TrialBadge({ trial }: { trial: Trial }): React.JSX.Element {
  const { trans } = usePanel();
  const isSyntax = trial.method === 'syntax';
  const texts = {
    passed: isSyntax ? trans.__('tried: syntax passed') : trans.__('tried: passed'),
    failed: isSyntax ? trans.__('tried: syntax failed') : trans.__('tried: failed'),
    skipped: trans.__('not tried')
  };
  return (
    <span className={`codemad-badge codemad-badge-${trial.status}`} title={line(trial.detail)}>
      {texts[trial.status]}
    </span>
  );
}

export function StatusBadge({
  proposal,
  undone
}: {
  proposal: IProposal;
  undone: boolean;
}): React.JSX.Element {
  const { trans } = usePanel();
  const texts = {
    pending: trans.__('open'),
    accepted: trans.__('accepted'),
    rejected: trans.__('rejected'),
    partial: trans.__('partly accepted'),
    stale: trans.__('out of date')
  };
  if (undone && (isApplied(proposal) || proposal.status === 'pending')) {
    return <span className="codemad-badge">{trans.__('undone')}</span>;
  }
  return <span className={`codemad-badge codemad-badge-${proposal.status}`}>{texts[proposal.status]}</span>;
}

/** Whether any of it came into the document. */
export function isApplied({ status }: IProposal): boolean {
  return status === 'accepted' || status === 'partial';
}
