/** What went wrong with the session that is shown, until it is dismissed. */
import { closeIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { line } from '../text';
import { Button, CommandButton } from './button';
import { usePanel, useSession } from './context';

export function ProblemView(): React.JSX.Element | null {
  const { session, trans } = usePanel();
  const problem = useSession(snapshot => snapshot.problem);
  const hasFailed = useSession(snapshot => snapshot.phase === 'failed');
  if (!problem) {
    return null;
  }
  return (
    <div className="codemad-problem" role="alert">
      <div className="codemad-problem-text">
        <strong>{line(problem.message)}</strong> {line(problem.hint)}
      </div>
      {hasFailed && <CommandButton onClick={() => session.load()}>{trans.__('Try again')}</CommandButton>}
      <Button
        kind="quiet"
        icon={closeIcon}
        label={trans.__('Dismiss')}
        onClick={() => {
          session.dismiss();
        }}
      />
    </div>
  );
}
