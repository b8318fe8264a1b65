/** A proposed change: what it does, how its trial went, its diff, and the buttons that settle it. */
import {
  checkIcon,
  closeIcon,
  codeIcon,
  deleteIcon,
  fileIcon,
  markdownIcon,
  runIcon
} from '@jupyterlab/ui-components';
import type { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Edit } from '../protocol';
import { isRunnable } from '../proposals';
import { line, plain } from '../text';
import type { IProposal } from '../transcript';
import { Button, CommandButton, Icon } from './button';
import { usePanel } from './context';
import { DiagnosisPart } from './diagnosis';
import { Diff } from './diff';
import { Explanation } from './explanation';
import { baseName, editVerb, secondsText, settlingTexts } from './format';
import { Hunks } from './hunks';
import { TrialView } from './outputs';
import { StatusBadge, TrialBadge } from './badges';

export interface IEditCardProps {
  proposal: IProposal;
  /** The run was undone: the card tells, and offers nothing. */
  undone: boolean;
  /** The run that proposed it. */
  run: string;
}

function EditCardContent({ proposal, undone, run }: IEditCardProps): React.JSX.Element {
  const { trans } = usePanel();
  const { edit, status } = proposal;
  const isOpen = (status === 'pending' || status === 'stale') && !undone;
  const [isShown, setShown] = React.useState(false);
  const verb = editVerb(edit, trans);
  const name = `${verb} ${placeText(edit)}`;
  return (
    <section className={`codemad-card codemad-edit codemad-edit-${status}`} aria-label={name}>
      <header className="codemad-card-header">
        <Icon of={iconOf(edit)} />
        <span className="codemad-card-title">{verb}</span>
        <span className="codemad-card-place" title={placeTitle(edit)}>
          {placeText(edit)}
        </span>
        {isOpen ? (
          edit.trial && <TrialBadge trial={edit.trial} />
        ) : (
          <StatusBadge proposal={proposal} undone={undone} />
        )}
      </header>
      {edit.title && line(edit.title) !== verb && <p className="codemad-edit-title">{line(edit.title)}</p>}
      {(isOpen || isShown) && <Change edit={edit} name={name} />}
      {isOpen && edit.trial && <TrialPart edit={edit} />}
      {isOpen && <DiagnosisPart edit={edit} />}
      {proposal.detail && <p className="codemad-edit-detail">{line(proposal.detail)}</p>}
      {isOpen && edit.hunks.length > 1 && <Hunks edit={edit} />}
      {isOpen ? (
        <Actions edit={edit} stale={status === 'stale'} />
      ) : (
        <Settled
          proposal={proposal}
          isShown={isShown}
          toggle={() => {
            setShown(!isShown);
          }}
        />
      )}
      {proposal.isRunning ? <Running run={run} /> : proposal.execution && <Execution proposal={proposal} />}
    </section>
  );
}

export const EditCard = React.memo(EditCardContent);

function Change({ edit, name }: { edit: Edit; name: string }): React.JSX.Element {
  const { target } = edit;
  const { notebooks, trans } = usePanel();
  if (!hasText(edit) && target.type === 'file') {
    return <p className="codemad-edit-title">{trans.__('It goes to %1.', line(target.to ?? ''))}</p>;
  }
  if (!hasText(edit) && target.type === 'cell') {
    const numberOf = (cell: string): number | null => notebooks.numberOf(target.notebook, cell);
    return <Explanation edit={edit} part="from" numberOf={numberOf} />;
  }
  const language =
    target.type === 'file'
      ? { file: baseName(target.path) }
      : { name: target.cell_type === 'code' ? 'python' : 'markdown' };
  const after = target.type === 'cell' && target.op === 'delete' ? '' : edit.after;
  return <Diff before={edit.before} after={after} language={language} label={name} />;
}

/** How the trial went; of a file only its syntax is tried. */
function TrialPart({ edit }: { edit: Edit }): React.JSX.Element | null {
  const { target, trial } = edit;
  if (target.type === 'cell' && trial) {
    return <TrialView trial={trial} target={target} />;
  }
  return trial?.status === 'failed' ? (
    <pre className="codemad-trial-detail">{plain(trial.detail)}</pre>
  ) : null;
}

function Actions({ edit, stale }: { edit: Edit; stale: boolean }): React.JSX.Element {
  const { openDiff, session, trans } = usePanel();
  const [accept, reject] = settlingTexts(edit, trans);
  return (
    <div className="codemad-card-actions">
      <CommandButton kind="primary" onClick={() => session.acceptEdit(edit.id, null)}>
        {stale ? trans.__('Try again') : accept}
      </CommandButton>
      {isRunnable(edit) && (
        <CommandButton onClick={() => session.acceptEdit(edit.id, null, true)}>
          {trans.__('Accept and run')}
        </CommandButton>
      )}
      <CommandButton onClick={() => session.rejectEdit(edit.id, null)}>{reject}</CommandButton>
      {edit.target.type === 'file' && openDiff && (
        <Button
          kind="quiet"
          label={trans.__('Show the whole change in a tab')}
          onClick={() => {
            openDiff(edit.id);
          }}
        >
          {trans.__('Open diff')}
        </Button>
      )}
    </div>
  );
}

interface ISettledProps {
  proposal: IProposal;
  isShown: boolean;
  toggle: () => void;
}

/** What remains of a card once it is settled: a look back. The way back stands at the end of the answer. */
function Settled({ proposal, isShown, toggle }: ISettledProps): React.JSX.Element | null {
  const { trans } = usePanel();
  if (!hasText(proposal.edit)) {
    return null;
  }
  return (
    <div className="codemad-card-actions">
      <Button kind="quiet" onClick={toggle}>
        {isShown ? trans.__('Hide the change') : trans.__('Show the change')}
      </Button>
    </div>
  );
}

/** The run itself has long ended, so the message box offers no Stop. */
function Running({ run }: { run: string }): React.JSX.Element {
  const { session, trans } = usePanel();
  return (
    <div className="codemad-card-actions">
      <span className="codemad-execution">
        <Icon of={runIcon} />
        {trans.__('The cell runs')}
      </span>
      <CommandButton
        onClick={() =>
          session.command({ type: 'cancel', session: session.getSnapshot().transcript.session, run })
        }
      >
        {trans.__('Stop the cell')}
      </CommandButton>
    </div>
  );
}

function Execution({ proposal }: { proposal: IProposal }): React.JSX.Element | null {
  const { trans } = usePanel();
  const { execution } = proposal;
  if (!execution) {
    return null;
  }
  const time = secondsText(execution.seconds, trans);
  return (
    <p className={`codemad-execution codemad-execution-${execution.ok ? 'ok' : 'error'}`}>
      <Icon of={execution.ok ? checkIcon : closeIcon} />
      {execution.ok
        ? trans.__('Ran in %1', time)
        : trans.__('Failed after %1: %2', time, line(execution.error))}
    </p>
  );
}

function hasText(edit: Edit): boolean {
  const { target } = edit;
  return target.type === 'file'
    ? target.op !== 'move' || edit.before !== edit.after
    : ['insert', 'replace', 'delete'].includes(target.op);
}

function placeText({ target }: Edit): string {
  return baseName(target.type === 'file' ? target.path : target.notebook);
}

function placeTitle({ target }: Edit): string {
  return line(target.type === 'file' ? target.path : `${target.notebook} · ${target.cell}`);
}

function iconOf({ target }: Edit): LabIcon {
  if (target.type === 'file') {
    return fileIcon;
  }
  if (target.op === 'delete') {
    return deleteIcon;
  }
  return target.cell_type === 'code' ? codeIcon : markdownIcon;
}
