/** A notebook that git could not merge: what is to be chosen, its writing, and what became of it. */
import { refreshIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Choices } from '../merging';
import type { IProblem } from '../problems';
import { problemOf } from '../problems';
import type { Ack, MergeView } from '../protocol';
import type { Requests } from '../requests';
import { line } from '../text';
import type { IRun } from '../transcript';
import { Button, CommandButton } from './button';
import { Conflicts } from './conflicts';
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
      {view && written !== 'done' && (
        <Conflicts
          view={view}
          choices={merging.choices}
          isWriting={written === 'writing'}
          choose={merging.choose}
          write={merging.write}
        />
      )}
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
