/** The checkpoints of the session, newest first: what each holds, what changed since, and the way back. */
import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import { addIcon, deleteIcon, historyIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { CheckpointInfo } from '../protocol';
import { clip, line } from '../text';
import { Button, CommandButton, Icon } from './button';
import { Changes } from './differences';
import { usePages, usePanel, useSession } from './context';
import { ageText, baseName } from './format';
import { useLoaded } from './loaded';
import { PageFrame } from './page';
import type { IPruning } from './pruning';
import { askPruning } from './pruning';

export function Timeline(): React.JSX.Element {
  const { trans } = usePanel();
  const { requests } = usePages();
  const id = useSession(snapshot => snapshot.transcript.session);
  const seq = useSession(snapshot => snapshot.transcript.checkpointsSeq);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- a newer number means that the list has changed
  const ask = React.useCallback(() => requests.checkpoints(), [requests, id, seq]);
  const { value, problem, isLoading } = useLoaded(ask);
  const checkpoints = [...(value ?? [])].reverse();
  return (
    <PageFrame
      title={trans.__('Timeline')}
      problem={problem}
      isLoading={isLoading && value === null}
      actions={
        <>
          <CommandButton
            kind="quiet"
            icon={addIcon}
            label={trans.__('Make a checkpoint now')}
            onClick={() => make(name => requests.makeCheckpoint(name), trans)}
          />
          <CommandButton
            kind="quiet"
            icon={deleteIcon}
            label={trans.__('Forget old checkpoints')}
            disabled={checkpoints.length === 0}
            onClick={() => prune(wanted => requests.pruneCheckpoints(wanted), trans)}
          />
        </>
      }
    >
      {value !== null && checkpoints.length === 0 && (
        <p className="codemad-page-empty">
          {trans.__('A checkpoint is made before CodeMAD changes anything. There is none yet.')}
        </p>
      )}
      <ol className="codemad-timeline" aria-label={trans.__('Checkpoints, newest first')}>
        {checkpoints.map(checkpoint => (
          <Point
            key={checkpoint.id}
            checkpoint={checkpoint}
            others={checkpoints.filter(({ id: other }) => other !== checkpoint.id)}
            seq={seq}
          />
        ))}
      </ol>
    </PageFrame>
  );
}

interface IPointProps {
  checkpoint: CheckpointInfo;
  others: CheckpointInfo[];
  seq: number;
}

function Point({ checkpoint, others, seq }: IPointProps): React.JSX.Element {
  const { trans } = usePanel();
  const { requests } = usePages();
  const [isOpen, setOpen] = React.useState(false);
  const isRunning = useSession(snapshot => snapshot.transcript.running !== null);
  const name = pointName(checkpoint, trans);
  return (
    <li className={`codemad-point ${checkpoint.undone ? 'codemad-point-undone' : ''}`}>
      <span className="codemad-point-mark" aria-hidden="true">
        <Icon of={historyIcon} />
      </span>
      <div className="codemad-point-body">
        <div className="codemad-point-name">{name}</div>
        <div className="codemad-point-detail">
          <time dateTime={new Date(checkpoint.made * 1000).toISOString()} title={timeText(checkpoint.made)}>
            {ageText(checkpoint.made, trans)}
          </time>
          {' · '}
          {contentText(checkpoint, trans)}
        </div>
        {!checkpoint.covered && (
          <p className="codemad-point-warning">
            {trans.__('Files are not covered: %1', line(checkpoint.skipped.join('; ')))}
          </p>
        )}
        <div className="codemad-point-actions">
          <Button
            onClick={() => {
              setOpen(!isOpen);
            }}
          >
            {isOpen ? trans.__('Hide changes') : trans.__('Changes since')}
          </Button>
          <CommandButton
            label={trans.__('Restore “%1”', name)}
            disabled={isRunning}
            onClick={() => restore(() => requests.restoreCheckpoint(checkpoint.id), name, trans)}
          >
            {trans.__('Restore')}
          </CommandButton>
          <CommandButton kind="quiet" onClick={() => rename(requests, checkpoint, trans)}>
            {checkpoint.name ? trans.__('Rename') : trans.__('Name')}
          </CommandButton>
        </div>
        {isOpen && <Compared checkpoint={checkpoint} others={others} seq={seq} />}
      </div>
    </li>
  );
}

/** What is different, now or in another checkpoint that is chosen. */
function Compared({ checkpoint, others, seq }: IPointProps): React.JSX.Element {
  const { trans } = usePanel();
  const [other, setOther] = React.useState('');
  return (
    <>
      {others.length > 0 && (
        <label className="codemad-point-detail codemad-compared">
          {trans.__('Compared with')}{' '}
          <select
            value={other}
            onChange={event => {
              setOther(event.target.value);
            }}
          >
            <option value="">{trans.__('now')}</option>
            {others.map(each => (
              <option key={each.id} value={each.id}>
                {pointName(each, trans)} · {ageText(each.made, trans)}
              </option>
            ))}
          </select>
        </label>
      )}
      <Changes checkpoint={checkpoint.id} other={other || null} seq={seq} />
    </>
  );
}

function pointName({ name, title, reason }: CheckpointInfo, trans: TranslationBundle): string {
  if (name) {
    return line(name);
  }
  const texts: Record<CheckpointInfo['reason'], string> = {
    run: title ? trans.__('Before “%1”', clip(line(title), 80)) : trans.__('Before a change'),
    undo: trans.__('Before an undo'),
    redo: trans.__('Before a redo'),
    restore: trans.__('Before a restore'),
    switch: trans.__('Before another branch was taken'),
    manual: trans.__('Made by you')
  };
  return texts[reason];
}

function contentText({ files, notebooks }: CheckpointInfo, trans: TranslationBundle): string {
  const counted = trans._n('%1 file', '%1 files', files, files.toLocaleString());
  return [counted, ...notebooks.map(baseName)].join(', ');
}

function timeText(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString();
}

async function restore(act: () => Promise<void>, name: string, trans: TranslationBundle): Promise<void> {
  const answer = await showDialog({
    title: trans.__('Restore “%1”?', name),
    body: trans.__(
      'Files, notebooks and the conversation go back to that point. What you changed yourself is kept where it does not overlap. A checkpoint is made before, so Redo takes this back.'
    ),
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Restore') })]
  });
  if (answer.button.accept) {
    await act();
  }
}

async function make(act: (name: string) => Promise<void>, trans: TranslationBundle): Promise<void> {
  const { value } = await InputDialog.getText({
    title: trans.__('Make a checkpoint'),
    label: trans.__('Name (may be empty)'),
    okLabel: trans.__('Make')
  });
  if (value !== null) {
    await act(value.trim());
  }
}

async function prune(act: (wanted: IPruning) => Promise<void>, trans: TranslationBundle): Promise<void> {
  const wanted = await askPruning(trans);
  if (wanted) {
    await act(wanted);
  }
}

async function rename(
  requests: { nameCheckpoint: (id: string, name: string) => Promise<void> },
  checkpoint: CheckpointInfo,
  trans: TranslationBundle
): Promise<void> {
  const { value } = await InputDialog.getText({
    title: trans.__('Name the checkpoint'),
    text: checkpoint.name
  });
  if (value !== null) {
    await requests.nameCheckpoint(checkpoint.id, value.trim());
  }
}
