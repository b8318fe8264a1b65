/** The line above a notebook while something in it waits to be settled. */
import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { IOpen } from '../proposals';
import { Button, CommandButton, Icon } from './button';
import { usePanel } from './context';
import { baseName } from './format';
import { logoIcon } from './icons';

export interface IReviewBarProps {
  /** The proposals for this notebook. */
  cells: readonly IOpen[];
  /** The proposals for files of the same turns. */
  files: readonly IOpen[];
  /** Which of them the keyboard is at, counted from 1. */
  place: number | null;
  isRunnable: boolean;
  next: () => void;
  previous: () => void;
  openDiff: (edit: string) => void;
  acceptAll: (execute: boolean) => Promise<unknown>;
  rejectAll: () => Promise<unknown>;
}

export function ReviewBar(props: IReviewBarProps): React.JSX.Element {
  const { cells, files, place, next, previous, acceptAll, rejectAll } = props;
  const { trans } = usePanel();
  const count = trans._n('%1 proposal', '%1 proposals', cells.length);
  const stale = cells.filter(({ proposal }) => proposal.status === 'stale').length;
  return (
    <div className="codemad-bar" role="toolbar" aria-label={trans.__('Proposals of CodeMAD')}>
      <Icon of={logoIcon} className="codemad-logo" />
      <span className="codemad-bar-count" role="status">
        {count}
        {stale > 0 && `, ${trans._n('%1 out of date', '%1 out of date', stale)}`}
      </span>
      <Button kind="quiet" icon={caretUpIcon} label={trans.__('Previous proposal')} onClick={previous} />
      <Button kind="quiet" icon={caretDownIcon} label={trans.__('Next proposal')} onClick={next} />
      <span className="codemad-bar-place" aria-hidden="true">
        {place === null ? '' : `${place}/${cells.length}`}
      </span>
      {files.map(({ proposal }) => (
        <Button
          key={proposal.edit.id}
          kind="quiet"
          className="codemad-bar-file"
          label={trans.__('Show the change of this file')}
          onClick={() => {
            props.openDiff(proposal.edit.id);
          }}
        >
          <span className="codemad-bar-name">
            {proposal.edit.target.type === 'file' ? baseName(proposal.edit.target.path) : ''}
          </span>
        </Button>
      ))}
      <span className="codemad-bar-space" />
      <CommandButton kind="primary" onClick={() => acceptAll(false)}>
        {trans.__('Accept all')}
      </CommandButton>
      {props.isRunnable && (
        <CommandButton className="codemad-bar-run" onClick={() => acceptAll(true)}>
          {trans.__('Accept all and run')}
        </CommandButton>
      )}
      <CommandButton onClick={rejectAll}>{trans.__('Reject all')}</CommandButton>
    </div>
  );
}
