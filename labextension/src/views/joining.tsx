/** Bringing the work of agents together: whose, what would be proposed, and what clashes, before it is reviewed. */
import { infoIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { IProblem } from '../problems';
import { problemOf } from '../problems';
import type { MergeCheck, WorkClash, WorktreeInfo } from '../protocol';
import { line } from '../text';
import { Button, CommandButton, Icon } from './button';
import { usePages, usePanel, useSession } from './context';

export interface IJoiningProps {
  worktrees: readonly WorktreeInfo[];
  /** Another number makes what was found out of date. */
  seq: number;
}

export function Joining({ worktrees, seq }: IJoiningProps): React.JSX.Element {
  const { session, trans } = usePanel();
  const { pages, requests } = usePages();
  const isRunning = useSession(snapshot => snapshot.transcript.running !== null);
  const [wanted, setWanted] = React.useState<readonly string[]>([]);
  const [found, setFound] = React.useState<MergeCheck | null>(null);
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  React.useEffect(() => {
    setFound(null);
  }, [seq]);
  const names = wanted.filter(name => worktrees.some(each => each.name === name));
  const toggle = (name: string): void => {
    setFound(null);
    setWanted(names.includes(name) ? names.filter(each => each !== name) : [...names, name]);
  };
  const check = async (): Promise<void> => {
    setProblem(null);
    try {
      setFound(await requests.checkMerge(names));
    } catch (reason) {
      setProblem(problemOf(reason));
    }
  };
  const propose = async (): Promise<void> => {
    if (await session.mergeAgents(names)) {
      setFound(null);
      setWanted([]);
      pages.show('chat');
    }
  };
  return (
    <section className="codemad-joining" aria-label={trans.__('Work in folders')}>
      <h3>{trans.__('Work in folders')}</h3>
      <ul>
        {worktrees.map(info => (
          <Choice
            key={info.name}
            info={info}
            place={names.indexOf(info.name) + 1}
            toggle={() => {
              toggle(info.name);
            }}
          />
        ))}
      </ul>
      {problem && (
        <p className="codemad-point-warning" role="alert">
          <strong>{line(problem.message)}</strong> {line(problem.hint)}
        </p>
      )}
      {found && <Found found={found} />}
      <div className="codemad-point-actions">
        {found && found.changes.length > 0 ? (
          <>
            <CommandButton kind="primary" disabled={isRunning} onClick={propose}>
              {trans.__('Propose for review')}
            </CommandButton>
            <Button
              onClick={() => {
                setFound(null);
              }}
            >
              {trans.__('Not now')}
            </Button>
          </>
        ) : (
          <CommandButton disabled={isRunning || names.length === 0} onClick={check}>
            {trans.__('Merge…')}
          </CommandButton>
        )}
      </div>
    </section>
  );
}

interface IChoiceProps {
  info: WorktreeInfo;
  /** Its place among those that are chosen, from 1; 0 where it is not. */
  place: number;
  toggle: () => void;
}

function Choice({ info, place, toggle }: IChoiceProps): React.JSX.Element {
  const { trans } = usePanel();
  const isReady = info.state !== 'trouble' && info.changed.length > 0;
  return (
    <li>
      <label className="codemad-choice">
        <input type="checkbox" checked={place > 0} disabled={!isReady} onChange={toggle} />
        <span className="codemad-agent-name">{line(info.name, 60)}</span>
        <span className="codemad-agent-facts">
          {trans._n('%1 file changed', '%1 files changed', info.changed.length)}
          {place > 0 && ` · ${trans.__('place %1', place.toString())}`}
        </span>
      </label>
    </li>
  );
}

function Found({ found }: { found: MergeCheck }): React.JSX.Element {
  const { trans } = usePanel();
  const { changes, clashes } = found;
  return (
    <div className="codemad-found" role="status">
      <p>
        {changes.length
          ? trans._n('%1 change to review:', '%1 changes to review:', changes.length)
          : trans.__('There is nothing to review: it is in your files already, or clashes.')}
      </p>
      <ul aria-label={trans.__('Changes to review')}>
        {changes.map((change, index) => (
          <li key={index} title={line(change.path)}>
            {line(change.title)}
            {change.cell && ` · ${trans.__('%1, cell %2', line(change.path), line(change.cell, 40))}`}
          </li>
        ))}
      </ul>
      {clashes.length > 0 && <Clashes clashes={clashes} />}
    </div>
  );
}

/** What will be left out: it stays in the agent's folder. */
function Clashes({ clashes }: { clashes: readonly WorkClash[] }): React.JSX.Element {
  const { trans } = usePanel();
  return (
    <div className="codemad-clashes">
      <p>
        <Icon of={infoIcon} />{' '}
        {trans._n(
          '%1 change clashes and is left out; it stays in its folder:',
          '%1 changes clash and are left out; they stay in their folders:',
          clashes.length
        )}
      </p>
      <ul aria-label={trans.__('What clashes')}>
        {clashes.map((clash, index) => (
          <li key={index}>
            <strong>
              {clash.cell
                ? trans.__('%1, cell %2', line(clash.path), line(clash.cell, 40))
                : line(clash.path)}
            </strong>{' '}
            {trans.__('by %1: %2', line(clash.agent, 60), line(clash.reason))}
          </li>
        ))}
      </ul>
    </div>
  );
}
