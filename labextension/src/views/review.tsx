/** A proposal at its place in the notebook: what it does, how its trial went, and the buttons that settle it. */
import { codeIcon, deleteIcon, markdownIcon } from '@jupyterlab/ui-components';
import type { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { CellTarget } from '../protocol';
import type { IShown } from '../proposals';
import { isRunnable, sizeOf } from '../proposals';
import { line } from '../text';
import { TrialBadge } from './badges';
import { CommandButton, Icon } from './button';
import { usePanel } from './context';
import { DiagnosisPart } from './diagnosis';
import { Diff } from './diff';
import { Code, Explanation } from './explanation';
import { editVerb, settlingTexts } from './format';
import { TrialView } from './outputs';

export interface IReviewCardProps {
  shown: IShown;
  /** The one the keyboard is at. */
  isCurrent: boolean;
  /** The hunks are drawn in the cell's own editor. */
  isInline: boolean;
  /** The number of a cell that is named by its id. */
  numberOf: (cell: string) => number | null;
  settle: (edit: string, act: () => Promise<unknown>) => Promise<unknown>;
}

export function ReviewCard(props: IReviewCardProps): React.JSX.Element {
  const { shown, isCurrent, isInline, numberOf } = props;
  const { trans } = usePanel();
  const { edit, status, detail } = shown.open.proposal;
  const target = edit.target as CellTarget;
  const isStale = status === 'stale';
  const title = line(edit.title) === editVerb(edit, trans) ? '' : line(edit.title);
  const verb = shown.part === 'to' ? trans.__('Cell moves here') : editVerb(edit, trans);
  return (
    <section
      className={`codemad-review codemad-review-${shown.part} codemad-review-${target.op} ${isCurrent ? 'codemad-current' : ''}`}
      data-codemad-edit={edit.id}
      data-codemad-part={shown.part}
      tabIndex={-1}
      aria-label={trans.__('Proposal: %1', [verb, title].filter(Boolean).join('. '))}
    >
      {shown.part === 'ghost' && <Code source={edit.after} type={target.cell_type} />}
      <div className="codemad-review-head">
        <Icon of={iconOf(target)} />
        <span className="codemad-review-verb">{verb}</span>
        <span className="codemad-review-title" title={title}>
          {title}
        </span>
        {shown.part !== 'to' && target.op === 'replace' && <Size shown={shown} />}
        {isStale ? (
          <span className="codemad-badge codemad-badge-stale">{trans.__('out of date')}</span>
        ) : (
          edit.trial && <TrialBadge trial={edit.trial} />
        )}
      </div>
      <Explanation edit={edit} part={shown.part} numberOf={numberOf} />
      {isStale && detail && (
        <p className="codemad-review-stale" role="status">
          {line(detail)}
        </p>
      )}
      {!isInline && target.op === 'replace' && shown.part === 'change' && (
        <>
          <p className="codemad-review-text">
            {trans.__(
              'This cell’s text differs from what the change was made for. The change as it was made:'
            )}
          </p>
          <Diff
            before={edit.before}
            after={edit.after}
            language={{ name: target.cell_type === 'code' ? 'python' : 'markdown' }}
            label={verb}
          />
        </>
      )}
      {edit.trial && shown.part !== 'to' && <TrialView trial={edit.trial} target={target} />}
      {shown.part !== 'to' && <DiagnosisPart edit={edit} />}
      <Actions {...props} />
    </section>
  );
}

function Actions({ shown, settle }: IReviewCardProps): React.JSX.Element {
  const { session, trans } = usePanel();
  const { edit, status } = shown.open.proposal;
  const { id } = edit;
  const [accept, reject] = settlingTexts(edit, trans);
  return (
    <div className="codemad-review-actions">
      <CommandButton kind="primary" onClick={() => settle(id, () => session.acceptEdit(id, null))}>
        {status === 'stale' ? trans.__('Try again') : accept}
      </CommandButton>
      {isRunnable(edit) && status !== 'stale' && (
        <CommandButton onClick={() => settle(id, () => session.acceptEdit(id, null, true))}>
          {trans.__('Accept and run')}
        </CommandButton>
      )}
      <CommandButton onClick={() => settle(id, () => session.rejectEdit(id, null))}>{reject}</CommandButton>
      {mayTry(shown) && (
        <CommandButton
          kind="quiet"
          label={trans.__('Run it away from your kernel and show what it does')}
          onClick={() => session.tryEdit(id)}
        >
          {edit.trial && edit.trial.method !== 'none' ? trans.__('Try once more') : trans.__('Try')}
        </CommandButton>
      )}
    </div>
  );
}

export function mayTry({ open, part }: IShown): boolean {
  const { edit, status } = open.proposal;
  const isCode = edit.target.type === 'cell' && edit.target.cell_type === 'code';
  const op = edit.target.op;
  return status === 'pending' && part !== 'to' && isCode && (op === 'insert' || op === 'replace');
}

function Size({ shown }: { shown: IShown }): React.JSX.Element {
  const { trans } = usePanel();
  const { added, removed } = sizeOf(shown.open.proposal.edit);
  return (
    <span
      className="codemad-review-size"
      role="img"
      aria-label={trans.__('Lines added: %1, removed: %2', added.toString(), removed.toString())}
    >
      +{added} −{removed}
    </span>
  );
}

function iconOf(target: CellTarget): LabIcon {
  if (target.op === 'delete') {
    return deleteIcon;
  }
  return target.cell_type === 'code' ? codeIcon : markdownIcon;
}
