/** A notebook that git could not merge: each conflict with its three sides, and a choice for each. */
import { caretDownIcon, refreshIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Choices, Side } from '../merging';
import { addedPieces, openOf, piecesOf, sidesOf, takeAll } from '../merging';
import type { IProblem } from '../problems';
import { problemOf } from '../problems';
import type { Ack, MergeConflict, MergeView } from '../protocol';
import type { Requests } from '../requests';
import { line, plain } from '../text';
import type { IRun } from '../transcript';
import { Button, CommandButton } from './button';
import { usePanel, useSession } from './context';

export interface IMergeProps {
  notebook: string;
  requests: Requests;
  /** Another number asks for the conflicts again. */
  asked: number;
  /** The notebook was written as chosen. */
  onMerged: () => void;
  /** What was written was taken back. */
  onUndone: () => void;
  openNotebook: () => void;
}

export function Merge(props: IMergeProps): React.JSX.Element {
  const { notebook, openNotebook } = props;
  const { session, trans } = usePanel();
  const merging = useMerging(props);
  const { view, problem, written } = merging;
  return (
    <section className="codemad-merge" aria-label={trans.__('Merge conflicts of %1', line(notebook))}>
      <header className="codemad-merge-head">
        <h2>{line(notebook)}</h2>
        {view && written !== 'done' && <p>{summaryText(view, trans)}</p>}
      </header>
      {problem && (
        <div className="codemad-problem" role="alert">
          <div className="codemad-problem-text">
            <strong>{line(problem.message)}</strong> {line(problem.hint)}
          </div>
          <CommandButton icon={refreshIcon} onClick={merging.load}>
            {trans.__('Look again')}
          </CommandButton>
        </div>
      )}
      {written === 'done' && (
        <div className="codemad-merge-done" role="status">
          <p>{trans.__('The merged notebook is written. Add it with git to end the merge.')}</p>
          <Button kind="primary" onClick={openNotebook}>
            {trans.__('Open the notebook')}
          </Button>
          {merging.run && (
            <CommandButton
              label={trans.__('Bring back the file with its conflict markers')}
              onClick={() => session.undo(merging.run ?? '')}
            >
              {trans.__('Undo')}
            </CommandButton>
          )}
        </div>
      )}
      {view && written !== 'done' && <Conflicts view={view} merging={merging} />}
      {!view && !problem && <p className="codemad-merge-wait">{trans.__('Looking at the conflicts…')}</p>}
    </section>
  );
}

interface IMerging {
  view: MergeView | null;
  problem: IProblem | null;
  choices: Choices;
  written: 'no' | 'writing' | 'done';
  /** The run that wrote it, where it is known and can be undone. */
  run: string | null;
  choose: (choices: Choices) => void;
  load: () => Promise<void>;
  write: () => Promise<void>;
}

function useMerging({ notebook, requests, asked, onMerged, onUndone }: IMergeProps): IMerging {
  const [view, setView] = React.useState<MergeView | null>(null);
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  const [choices, choose] = React.useState<Choices>({});
  const [ack, setAck] = React.useState<Ack | null>(null);
  const fate = useFate(ack);
  const isWritten = React.useRef(false);
  isWritten.current = fate === 'done';
  const digest = React.useRef('');

  const load = React.useCallback(async () => {
    try {
      const found = await requests.mergeView(notebook);
      setAck(null);
      setProblem(null);
      setView(found);
      if (digest.current !== found.digest) {
        digest.current = found.digest;
        choose({});
      }
    } catch (reason) {
      // What is written has no conflicts any more: that is no problem.
      setProblem(isWritten.current ? null : problemOf(reason));
    }
  }, [notebook, requests]);
  React.useEffect(() => {
    void load();
  }, [load, asked]);

  const write = async (): Promise<void> => {
    try {
      setProblem(null);
      setAck(await requests.resolveMerge(notebook, digest.current, choices));
    } catch (reason) {
      setProblem(problemOf(reason));
    }
  };
  const told = React.useRef({ onMerged, onUndone });
  told.current = { onMerged, onUndone };
  React.useEffect(() => {
    if (fate === 'done') {
      told.current.onMerged();
    } else if (fate === 'undone') {
      told.current.onUndone();
      void load();
    } else if (fate !== 'none' && fate !== 'writing') {
      setProblem(fate);
      setAck(null);
    }
  }, [fate, load]);
  const written = fate === 'done' ? 'done' : fate === 'writing' ? 'writing' : 'no';
  return { view, problem, choices, written, run: ack?.run ?? null, choose, load, write };
}

/** What became of the run that writes the notebook; a problem where it failed. */
function useFate(ack: Ack | null): 'none' | 'writing' | 'done' | 'undone' | IProblem {
  const isShown = useSession(snapshot => snapshot.transcript.session === ack?.session);
  const run = useSession(
    snapshot =>
      snapshot.transcript.entries.find(
        (entry): entry is IRun => entry.kind === 'run' && entry.id === ack?.run
      ) ?? null
  );
  const state = run?.undone === true ? 'undone' : run?.state;
  const text = run?.text ?? '';
  return React.useMemo(() => {
    if (!ack) {
      return 'none';
    }
    if (state === 'undone' || state === 'done' || !isShown) {
      return state === 'undone' ? 'undone' : 'done';
    }
    if (state === undefined || state === 'running') {
      return 'writing';
    }
    return { code: 'failed', message: text, hint: '' };
  }, [ack, isShown, state, text]);
}

function Conflicts({ view, merging }: { view: MergeView; merging: IMerging }): React.JSX.Element {
  const { trans } = usePanel();
  const { choices, choose, written } = merging;
  const host = React.useRef<HTMLDivElement>(null);
  const open = openOf(view, choices);
  const all = view.conflicts.length;
  const take = (side: Side): React.JSX.Element => (
    <Button
      key={side}
      disabled={!all || written === 'writing'}
      onClick={() => {
        choose(takeAll(view, side, choices));
      }}
    >
      {sideName(view, side, trans)}
    </Button>
  );
  const goToOpen = (): void => {
    const next = open.at(0);
    const place = host.current?.querySelector<HTMLElement>(`[data-codemad-conflict="${next?.number ?? ''}"]`);
    place?.scrollIntoView({ block: 'start' });
    place?.querySelector<HTMLElement>('input')?.focus({ preventScroll: true });
  };
  return (
    <>
      <div className="codemad-merge-bar" role="toolbar" aria-label={trans.__('All conflicts')}>
        <span className="codemad-merge-take">{trans.__('Take for all:')}</span>
        {(['ours', 'theirs', 'base'] as const).map(take)}
        <span className="codemad-bar-space" />
        <span role="status">{trans.__('%1 of %2 chosen', all - open.length, all)}</span>
        <Button icon={caretDownIcon} disabled={open.length === 0} onClick={goToOpen}>
          {trans.__('Next open conflict')}
        </Button>
        <CommandButton
          kind="primary"
          disabled={open.length > 0 || written === 'writing'}
          label={open.length ? trans.__('Choose a side for each conflict first') : undefined}
          onClick={merging.write}
        >
          {trans.__('Write the merged notebook')}
        </CommandButton>
      </div>
      <div ref={host} className="codemad-merge-body">
        {all === 0 && <p className="codemad-merge-wait">{trans.__('Everything merges by itself.')}</p>}
        {view.conflicts.map(conflict => (
          <Conflict
            key={conflict.number}
            view={view}
            conflict={conflict}
            chosen={conflict.number in choices ? choices[conflict.number] : null}
            onChoose={side => {
              choose({ ...choices, [conflict.number]: side });
            }}
          />
        ))}
      </div>
    </>
  );
}

interface IConflictProps {
  view: MergeView;
  conflict: MergeConflict;
  chosen: Side | null;
  onChoose: (side: Side) => void;
}

function Conflict({ view, conflict, chosen, onChoose }: IConflictProps): React.JSX.Element {
  const { trans } = usePanel();
  const id = React.useId();
  return (
    <fieldset
      className={`codemad-conflict ${chosen ? 'codemad-conflict-chosen' : ''}`}
      data-codemad-conflict={conflict.number}
    >
      <legend>
        <span className="codemad-conflict-number">{conflict.number}</span> {placeText(conflict, trans)}
      </legend>
      <div className="codemad-conflict-sides">
        {sidesOf(conflict).map(side => (
          <div
            key={side}
            className={`codemad-side codemad-side-${side} ${chosen === side ? 'codemad-side-chosen' : ''}`}
          >
            <label className="codemad-side-name">
              <input
                type="radio"
                name={id}
                checked={chosen === side}
                onChange={() => {
                  onChoose(side);
                }}
              />
              <span>{sideName(view, side, trans)}</span>
            </label>
            {side !== 'both' && <SideText conflict={conflict} side={side} />}
          </div>
        ))}
      </div>
    </fieldset>
  );
}

function SideText({
  conflict,
  side
}: {
  conflict: MergeConflict;
  side: 'base' | 'ours' | 'theirs';
}): React.JSX.Element {
  const { trans } = usePanel();
  const base = plain(conflict.base);
  const other = plain(side === 'ours' ? conflict.theirs : conflict.ours);
  const text = plain(conflict[side]);
  const pieces = React.useMemo(
    () => (side === 'base' ? piecesOf('', text) : base ? piecesOf(base, text) : addedPieces(other, text)),
    [side, base, other, text]
  );
  if (text === '') {
    return <p className="codemad-side-nothing">{nothingText(conflict, side, trans)}</p>;
  }
  return (
    <pre
      className="codemad-side-text"
      tabIndex={0}
      role="region"
      aria-label={regionName(conflict, side, trans)}
    >
      {pieces.map((piece, index) =>
        piece.changed ? <mark key={index}>{piece.text}</mark> : <span key={index}>{piece.text}</span>
      )}
    </pre>
  );
}

function summaryText(view: MergeView, trans: TranslationBundle): string {
  const left = trans._n(
    'Both sides changed %1 place: choose what stays.',
    'Both sides changed %1 places: choose what stays.',
    view.conflicts.length
  );
  const settled = view.settled
    ? trans._n('%1 change merges by itself.', '%1 changes merge by themselves.', view.settled)
    : '';
  const origin =
    view.origin === 'git'
      ? ''
      : trans.__('Git no longer has its own versions, so they were taken from the conflict markers.');
  return [left, settled, origin, trans.__('Nothing is written before you say so.')].filter(Boolean).join(' ');
}

function sideName(view: MergeView, side: Side, trans: TranslationBundle): string {
  switch (side) {
    case 'base':
      return trans.__('Base (before both)');
    case 'both':
      return trans.__('Both, ours first');
    case 'ours':
      return view.ours_name ? trans.__('Ours (%1)', line(view.ours_name, 60)) : trans.__('Ours');
    case 'theirs':
      return view.theirs_name ? trans.__('Theirs (%1)', line(view.theirs_name, 60)) : trans.__('Theirs');
  }
}

function placeText({ cell, part, base, ours, theirs }: MergeConflict, trans: TranslationBundle): string {
  const name = cell === null ? '' : line(cell, 60);
  switch (part) {
    case 'source':
      return trans.__('Source of cell %1', name);
    case 'outputs':
      return trans.__('Outputs of cell %1', name);
    case 'metadata':
      return trans.__('Metadata of cell %1', name);
    case 'cells':
      if (base === '') {
        return trans.__('Cells added at the same place');
      }
      return ours && theirs
        ? trans.__('Cells changed at the same place')
        : trans.__('Cells changed on one side, deleted on the other');
    case 'notebook':
      return trans.__('Metadata of the notebook');
  }
}

function nothingText(
  conflict: MergeConflict,
  side: 'base' | 'ours' | 'theirs',
  trans: TranslationBundle
): string {
  if (conflict.part !== 'cells') {
    return trans.__('Empty');
  }
  return side !== 'base' && conflict.base !== '' ? trans.__('Deleted') : trans.__('No cell here');
}

function regionName(
  conflict: MergeConflict,
  side: 'base' | 'ours' | 'theirs',
  trans: TranslationBundle
): string {
  const names = { base: trans.__('base'), ours: trans.__('ours'), theirs: trans.__('theirs') };
  return trans.__('Conflict %1, %2', conflict.number, names[side]);
}
