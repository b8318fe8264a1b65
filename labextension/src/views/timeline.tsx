/** The checkpoints of the session, newest first: what each holds, what changed since, and the way back. */
import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import { addIcon, deleteIcon, historyIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { OpenNotebooks } from '../notebook/documents';
import type { CheckpointDiff, CheckpointInfo, PathDifference } from '../protocol';
import { clip, line, plain } from '../text';
import { Button, CommandButton, Icon } from './button';
import { usePages, usePanel, useSession } from './context';
import { ageText, baseName } from './format';
import { useLoaded } from './loaded';
import { PageFrame } from './page';

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
            onClick={() => prune(days => requests.pruneCheckpoints(days), trans)}
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
          <Point key={checkpoint.id} checkpoint={checkpoint} seq={seq} />
        ))}
      </ol>
    </PageFrame>
  );
}

function Point({ checkpoint, seq }: { checkpoint: CheckpointInfo; seq: number }): React.JSX.Element {
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
        {isOpen && <Changes checkpoint={checkpoint.id} seq={seq} />}
      </div>
    </li>
  );
}

function Changes({ checkpoint, seq }: { checkpoint: string; seq: number }): React.JSX.Element {
  const { trans } = usePanel();
  const { requests } = usePages();
  // eslint-disable-next-line react-hooks/exhaustive-deps -- as above
  const ask = React.useCallback(() => requests.checkpointDiff(checkpoint), [requests, checkpoint, seq]);
  const { value, problem, isLoading } = useLoaded<CheckpointDiff>(ask);
  if (problem) {
    return <p className="codemad-point-warning">{line(problem.message)}</p>;
  }
  if (value === null) {
    return <p className="codemad-page-empty">{isLoading ? trans.__('Comparing…') : ''}</p>;
  }
  if (value.differences.length === 0) {
    return <p className="codemad-page-empty">{trans.__('Nothing is different now.')}</p>;
  }
  return (
    <ul className="codemad-differences" aria-label={trans.__('What is different now')}>
      {value.differences.map((each, index) => (
        <Difference key={index} difference={each} />
      ))}
      {value.truncated && <li>{trans.__('More was changed than is shown.')}</li>}
    </ul>
  );
}

function Difference({ difference }: { difference: PathDifference }): React.JSX.Element {
  const { notebooks, trans } = usePanel();
  const words = {
    added: trans.__('added'),
    changed: trans.__('changed'),
    removed: trans.__('removed'),
    moved: trans.__('moved')
  };
  const where = difference.cell
    ? trans.__(
        '%1, cell %2',
        baseName(difference.path),
        cellName(notebooks, difference.path, difference.cell)
      )
    : line(difference.path);
  return (
    <li className="codemad-difference">
      <span className={`codemad-badge codemad-badge-${difference.status}`}>{words[difference.status]}</span>{' '}
      <span title={line(difference.path)}>{where}</span>
      {difference.detail && <span className="codemad-point-detail"> {line(difference.detail)}</span>}
      {difference.diff && <UnifiedDiff text={difference.diff} label={trans.__('Changes of %1', where)} />}
    </li>
  );
}

/** A cell's number where its notebook is open, as the person sees it; else its id. */
function cellName(notebooks: OpenNotebooks, path: string, cell: string): string {
  return notebooks.numberOf(path, cell)?.toString() ?? line(cell);
}

/** A unified diff as coloured lines. */
export function UnifiedDiff({ text, label }: { text: string; label: string }): React.JSX.Element {
  const lines = plain(text)
    .replace(/\n$/, '')
    .split('\n')
    .filter(each => !/^(---|\+\+\+) /.test(each));
  return (
    <pre className="codemad-udiff" tabIndex={0} aria-label={label}>
      {lines.map((each, index) => (
        <span key={index} className={classOf(each)}>
          {each || ' '}
        </span>
      ))}
    </pre>
  );
}

function classOf(text: string): string {
  const names: Record<string, string> = {
    '+': 'codemad-udiff-added',
    '-': 'codemad-udiff-removed',
    '@': 'codemad-udiff-place'
  };
  return names[text.charAt(0)] ?? '';
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

async function prune(act: (days: number) => Promise<void>, trans: TranslationBundle): Promise<void> {
  const { value } = await InputDialog.getNumber({
    title: trans.__('Forget old checkpoints'),
    label: trans.__(
      'Forget those without a name, in all sessions of this folder, that are older than (days):'
    ),
    value: 30,
    okLabel: trans.__('Forget')
  });
  if (value !== null && value >= 0) {
    await act(value);
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
