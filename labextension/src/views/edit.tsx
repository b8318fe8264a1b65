/** A proposed change: what it does, how its trial went, its diff, and the buttons that settle it. */
import {
  checkIcon,
  closeIcon,
  codeIcon,
  deleteIcon,
  fileIcon,
  markdownIcon,
  undoIcon
} from '@jupyterlab/ui-components';
import type { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { CellTarget, Edit } from '../protocol';
import { line, plain } from '../text';
import type { IProposal } from '../transcript';
import { Button, CommandButton, Icon } from './button';
import { usePanel } from './context';
import { Diff } from './diff';
import { baseName, editVerb, secondsText } from './format';
import { Hunks } from './hunks';
import { StatusBadge, TrialBadge, isApplied } from './badges';

export interface IEditCardProps {
  proposal: IProposal;
  /** The run was undone: the card tells, and offers nothing. */
  undone: boolean;
  /** The run that Undo takes back; null where nothing of it can be. */
  undo: string | null;
}

function EditCardContent({ proposal, undone, undo }: IEditCardProps): React.JSX.Element {
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
      {edit.title && <p className="codemad-edit-title">{line(edit.title)}</p>}
      {(isOpen || isShown) && <Change edit={edit} name={name} />}
      {isOpen && edit.trial?.status === 'failed' && (
        <pre className="codemad-trial-detail">{plain(edit.trial.detail)}</pre>
      )}
      {proposal.detail && <p className="codemad-edit-detail">{line(proposal.detail)}</p>}
      {isOpen && edit.hunks.length > 1 && <Hunks edit={edit} />}
      {isOpen ? (
        <Actions edit={edit} stale={status === 'stale'} />
      ) : (
        <Settled
          proposal={proposal}
          undo={isApplied(proposal) ? undo : null}
          isShown={isShown}
          toggle={() => {
            setShown(!isShown);
          }}
        />
      )}
      {proposal.execution && <Execution proposal={proposal} />}
    </section>
  );
}

export const EditCard = React.memo(EditCardContent);

function Change({ edit, name }: { edit: Edit; name: string }): React.JSX.Element {
  const { target } = edit;
  const { trans } = usePanel();
  if (!hasText(edit)) {
    return <p className="codemad-edit-title">{movement(edit.target as CellTarget, trans)}</p>;
  }
  const language =
    target.type === 'file'
      ? { file: baseName(target.path) }
      : { name: target.cell_type === 'code' ? 'python' : 'markdown' };
  const after = target.type === 'cell' && target.op === 'delete' ? '' : edit.after;
  return <Diff before={edit.before} after={after} language={language} label={name} />;
}

function Actions({ edit, stale }: { edit: Edit; stale: boolean }): React.JSX.Element {
  const { session, trans } = usePanel();
  return (
    <div className="codemad-card-actions">
      <CommandButton kind="primary" onClick={() => session.acceptEdit(edit.id, null)}>
        {stale ? trans.__('Try again') : edit.hunks.length > 1 ? trans.__('Accept all') : trans.__('Accept')}
      </CommandButton>
      {isRunnable(edit) && (
        <CommandButton onClick={() => session.acceptEdit(edit.id, null, true)}>
          {trans.__('Accept and run')}
        </CommandButton>
      )}
      <CommandButton onClick={() => session.rejectEdit(edit.id, null)}>
        {edit.hunks.length > 1 ? trans.__('Reject all') : trans.__('Reject')}
      </CommandButton>
    </div>
  );
}

interface ISettledProps {
  proposal: IProposal;
  undo: string | null;
  isShown: boolean;
  toggle: () => void;
}

/** What remains of a card once it is settled: a look back, and the way back. */
function Settled({ proposal, undo, isShown, toggle }: ISettledProps): React.JSX.Element | null {
  const { session, trans } = usePanel();
  if (!hasText(proposal.edit) && undo === null) {
    return null;
  }
  return (
    <div className="codemad-card-actions">
      {hasText(proposal.edit) && (
        <Button kind="quiet" onClick={toggle}>
          {isShown ? trans.__('Hide the change') : trans.__('Show the change')}
        </Button>
      )}
      {undo !== null && (
        <CommandButton
          kind="quiet"
          icon={undoIcon}
          label={trans.__('Take back all changes of this answer')}
          onClick={() => session.undo(undo)}
        >
          {trans.__('Undo')}
        </CommandButton>
      )}
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

function hasText({ target }: Edit): boolean {
  return target.type === 'file' || (target.op !== 'move' && target.op !== 'retype');
}

function isRunnable({ target }: Edit): boolean {
  return (
    target.type === 'cell' && target.cell_type === 'code' && target.op !== 'delete' && target.op !== 'move'
  );
}

function placeText({ target }: Edit): string {
  return baseName(target.type === 'file' ? target.path : target.notebook);
}

function placeTitle({ target }: Edit): string {
  return line(target.type === 'file' ? target.path : `${target.notebook} · ${target.cell}`);
}

function movement(target: CellTarget, trans: ReturnType<typeof usePanel>['trans']): string {
  if (target.op === 'retype') {
    return trans.__('The cell becomes a %1 cell.', target.cell_type);
  }
  if (target.anchor === null) {
    return target.position === 'before' ? trans.__('To the top.') : trans.__('To the end.');
  }
  return target.position === 'before'
    ? trans.__('Above cell %1.', line(target.anchor))
    : trans.__('Below cell %1.', line(target.anchor));
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
