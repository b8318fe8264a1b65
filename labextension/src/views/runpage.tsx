/** The run view: who works in a run and how far they are, a tab for each worktree, and bringing work together. */
import React from 'react';

import type { WorktreeInfo } from '../protocol';
import { clip, line } from '../text';
import type { IRun, ITranscript } from '../transcript';
import { AgentsTree } from './agents';
import { usePages, usePanel, useSession } from './context';
import { Joining } from './joining';
import { useLoaded } from './loaded';
import { PageFrame } from './page';
import { WorktreeView } from './worktree';

/** Runs one can choose among. */
const SHOWN_RUNS = 30;

export function RunPage(): React.JSX.Element {
  const { trans } = usePanel();
  const { requests } = usePages();
  const transcript = useSession(snapshot => snapshot.transcript);
  const [dropped, setDropped] = React.useState(0);
  const ask = React.useCallback(
    () => requests.worktrees(),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- these say that the list has changed
    [requests, transcript.session, transcript.workSeq, dropped]
  );
  const { value, problem } = useLoaded(ask);
  const worktrees = value ?? [];
  const [tab, setTab] = React.useState('');
  const shown = worktrees.find(({ name }) => name === tab) ?? null;
  const id = React.useId();
  return (
    <PageFrame title={trans.__('Run and agents')} problem={problem} isLoading={false}>
      {worktrees.length > 0 && (
        <Tabs id={id} worktrees={worktrees} chosen={shown?.name ?? ''} choose={setTab} />
      )}
      <div
        id={`${id}-panel`}
        role={worktrees.length > 0 ? 'tabpanel' : undefined}
        aria-labelledby={worktrees.length > 0 ? `${id}-tab-${shown?.name ?? ''}` : undefined}
      >
        {shown ? (
          <WorktreeView
            key={shown.name}
            info={shown}
            seq={transcript.workSeq}
            onDropped={() => {
              setTab('');
              setDropped(dropped + 1);
            }}
          />
        ) : (
          <>
            <Runs transcript={transcript} />
            {worktrees.length > 0 && <Joining worktrees={worktrees} seq={transcript.workSeq} />}
          </>
        )}
      </div>
    </PageFrame>
  );
}

interface ITabsProps {
  id: string;
  worktrees: readonly WorktreeInfo[];
  chosen: string;
  choose: (name: string) => void;
}

/** One tab for the agents, one for each worktree; arrows, Home and End go through them. */
function Tabs({ id, worktrees, chosen, choose }: ITabsProps): React.JSX.Element {
  const { trans } = usePanel();
  const list = React.useRef<HTMLDivElement>(null);
  const names = ['', ...worktrees.map(({ name }) => name)];
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const at = names.indexOf(chosen);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) {
      return;
    }
    const index = (to + names.length) % names.length;
    choose(names[index]);
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[index].focus();
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={list}
      className="codemad-tabs"
      role="tablist"
      tabIndex={-1}
      aria-label={trans.__('Agents and their folders')}
      onKeyDown={onKeyDown}
    >
      {names.map(name => (
        <button
          key={name}
          type="button"
          id={`${id}-tab-${name}`}
          role="tab"
          className="codemad-tab"
          aria-selected={name === chosen}
          aria-controls={`${id}-panel`}
          tabIndex={name === chosen ? 0 : -1}
          onClick={() => {
            choose(name);
          }}
        >
          {name ? line(name, 60) : trans.__('Agents')}
        </button>
      ))}
    </div>
  );
}

function Runs({ transcript }: { transcript: ITranscript }): React.JSX.Element {
  const { trans } = usePanel();
  const [chosen, choose] = React.useState('');
  const runs = React.useMemo(() => candidates(transcript), [transcript]);
  const run = runs.find(each => each.id === chosen) ?? runs.at(0);
  if (!run) {
    return <p className="codemad-page-empty">{trans.__('Nothing was asked in this session yet.')}</p>;
  }
  return (
    <>
      {runs.length > 1 && (
        <label className="codemad-point-detail codemad-compared">
          {trans.__('Run')}{' '}
          <select
            value={run.id}
            onChange={event => {
              choose(event.target.value);
            }}
          >
            {runs.map(each => (
              <option key={each.id} value={each.id}>
                {clip(line(each.prompt), 60)}
              </option>
            ))}
          </select>
        </label>
      )}
      <AgentsTree run={run} />
    </>
  );
}

/** What one may want to look at: the run that goes on or was last, then those in which agents worked. */
function candidates({ entries, running }: ITranscript): IRun[] {
  const runs = entries.filter(entry => entry.kind === 'run').reverse();
  const withAgents = runs.filter(run => run.agents.length > 0);
  const first = runs.find(run => run.id === running) ?? withAgents.at(0) ?? runs.at(0);
  return first ? [first, ...withAgents.filter(run => run !== first)].slice(0, SHOWN_RUNS) : [];
}
