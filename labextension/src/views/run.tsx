/** One run: what was asked, everything that came of it in order, and how it ended. */
import { checkIcon, closeIcon, infoIcon, redoIcon, runIcon, undoIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { isAsking } from '../questions';
import { line } from '../text';
import type { IDraft, IExecuted, INote, IRestored, IRun, Item } from '../transcript';
import { AgentsLine, SteeredView } from './agentsline';
import { ApprovalCard } from './approval';
import { CommandButton, Icon } from './button';
import { usePanel } from './context';
import { Drawn } from './drawn';
import { EditCard } from './edit';
import { baseName, costText, factsText, secondsText, tokensText, usageTitle } from './format';
import { Markdown } from './markdown';
import { PlanCard } from './plan';
import { PromptBubble, askedText } from './prompt';
import { QuestionCard } from './question';
import { RememberedView } from './remembered';
import { Thinking } from './thinking';
import { ToolCard } from './tool';
import { TurnMenu } from './turnmenu';
import { VerificationView } from './verification';

export interface IRunViewProps {
  run: IRun;
  /** Redo would bring this run back. */
  redoable: boolean;
}

function RunViewContent({ run, redoable }: IRunViewProps): React.JSX.Element {
  const { owner, trans } = usePanel();
  const isRunning = run.state === 'running';
  return (
    <article
      className={`codemad-run ${run.undone ? 'codemad-run-undone' : ''}`}
      aria-label={askedText(run, owner, trans)}
      aria-busy={isRunning}
    >
      <PromptBubble run={run} />
      <div className="codemad-answer">
        {groups(run.items).map(group => (
          <Group key={group[0].key} items={group} run={run} />
        ))}
        {run.drafts.map(draft => (
          <Draft key={draft.message} draft={draft} live={isRunning} />
        ))}
        {isRunning && run.drafts.length === 0 && <Working run={run} />}
        {run.agents.length > 0 && <AgentsLine run={run} />}
      </div>
      {!isRunning && <Footer run={run} redoable={redoable} />}
    </article>
  );
}

export const RunView = React.memo(RunViewContent);

/** Tool lines that follow each other stand together in one list. */
function groups(items: readonly Item[]): Item[][] {
  const found: Item[][] = [];
  for (const item of items) {
    if (item.kind === 'tool' && item.edit !== null) {
      continue;
    }
    const last = found.at(-1);
    if (item.kind === 'tool' && last?.[0].kind === 'tool') {
      last.push(item);
    } else {
      found.push([item]);
    }
  }
  return found;
}

function Group({ items, run }: { items: Item[]; run: IRun }): React.JSX.Element {
  const { trans } = usePanel();
  const tools = items.filter(item => item.kind === 'tool');
  if (tools.length) {
    return (
      <ul className="codemad-tools" aria-label={trans.__('Steps')}>
        {tools.map(tool => (
          <ToolCard key={tool.key} tool={tool} />
        ))}
      </ul>
    );
  }
  const [item] = items;
  const view = <ItemView item={item} run={run} />;
  // What a person said or decides on is drawn by nobody else.
  return item.kind === 'edit' ||
    item.kind === 'approval' ||
    item.kind === 'question' ||
    item.kind === 'plan' ||
    item.kind === 'steered' ? (
    view
  ) : (
    <Drawn item={item}>{view}</Drawn>
  );
}

function ItemView({ item, run }: { item: Item; run: IRun }): React.JSX.Element | null {
  switch (item.kind) {
    case 'text':
      return <Markdown source={item.text} />;
    case 'thinking':
      return <Thinking text={item.text} />;
    case 'edit':
      return <EditCard proposal={item} undone={run.undone} run={run.id} />;
    case 'question':
      return <QuestionCard item={item} />;
    case 'approval':
      return <ApprovalCard item={item} />;
    case 'note':
      return <NoteView note={item} />;
    case 'memory':
      return <RememberedView item={item} />;
    case 'plan':
      return <PlanCard item={item} />;
    case 'executed':
      return <Executed item={item} />;
    case 'verified':
      return <VerificationView item={item} />;
    case 'steered':
      return <SteeredView item={item} />;
    case 'tool':
      return null;
  }
}

function Draft({ draft, live }: { draft: IDraft; live: boolean }): React.JSX.Element {
  return (
    <div className={live ? 'codemad-draft' : ''}>
      {draft.thinking && <Thinking text={draft.thinking} live={live && !draft.text} />}
      {draft.text && <Markdown source={draft.text} />}
    </div>
  );
}

function Working({ run }: { run: IRun }): React.JSX.Element {
  const { owner, trans } = usePanel();
  const phases: Record<string, string> = {
    plan: trans.__('Planning'),
    execute: trans.__('Working'),
    verify: trans.__('Checking the result')
  };
  const waits = run.items.some(isAsking);
  const waiting =
    owner === undefined
      ? trans.__('Waiting for your answer')
      : trans.__('Waiting for an answer of %1', line(owner));
  const text = waits ? waiting : (phases[run.phase] ?? trans.__('Working'));
  return (
    <div className="codemad-working">
      <span className="codemad-dots" aria-hidden="true">
        <span />
        <span />
        <span />
      </span>
      {text}
    </div>
  );
}

export function NoteView({ note }: { note: INote }): React.JSX.Element {
  return (
    <p className={`codemad-note codemad-note-${note.level}`}>
      <Icon of={note.level === 'error' ? closeIcon : infoIcon} />
      <span>{line(note.text)}</span>
    </p>
  );
}

function Executed({ item }: { item: IExecuted }): React.JSX.Element {
  const { trans } = usePanel();
  const time = secondsText(item.seconds, trans);
  return (
    <p className={`codemad-note codemad-note-${item.ok ? 'info' : 'error'}`} title={line(item.cell)}>
      <Icon of={runIcon} />
      <span>
        {item.ok
          ? trans.__('Ran a cell of %1 in %2', baseName(item.notebook), time)
          : trans.__('A cell of %1 failed: %2', baseName(item.notebook), line(item.error))}
      </span>
    </p>
  );
}

function RestoredViewContent({ entry }: { entry: IRestored }): React.JSX.Element {
  const { trans } = usePanel();
  const { cells, files } = entry;
  const parts = [
    cells.length ? trans._n('%1 cell', '%1 cells', cells.length) : '',
    files.length ? trans._n('%1 file', '%1 files', files.length) : ''
  ].filter(Boolean);
  const what = parts.join(', ') || trans.__('nothing had changed');
  const texts: Record<IRestored['direction'], string> = {
    undo: trans.__('Undone (%1)', what),
    redo: trans.__('Done again (%1)', what),
    restore: trans.__('Restored (%1)', what)
  };
  return (
    <div className="codemad-restored">
      <Icon of={entry.direction === 'redo' ? redoIcon : undoIcon} />
      <span>{texts[entry.direction]}</span>
      {entry.merged.length + entry.conflicts.length > 0 && (
        <ul className="codemad-conflicts">
          {entry.merged.map(merged => (
            <li key={merged}>{trans.__('Your own changes are kept beside it: %1', line(merged))}</li>
          ))}
          {entry.conflicts.map(conflict => (
            <li key={conflict}>{trans.__('Left as you changed it: %1', line(conflict))}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

export const RestoredView = React.memo(RestoredViewContent);

/** The engine makes a checkpoint before the first change; one that was refused left nothing to take back. */
function mayUndo(run: IRun): boolean {
  return run.checkpoint && !run.undone && run.state !== 'running' && run.items.some(hasActed);
}

function hasActed(item: Item): boolean {
  if (item.kind === 'edit') {
    return item.edit.hunks.some(hunk => hunk.status === 'accepted');
  }
  return item.kind === 'tool' && item.status !== 'denied' && !['read', 'write'].includes(item.risk);
}

function Footer({ run, redoable }: IRunViewProps): React.JSX.Element {
  const { session, trans } = usePanel();
  const isGood = run.state === 'done';
  const kind = run.undone ? 'undone' : run.state === 'out_of_budget' ? 'budget' : run.state;
  const texts: Record<IRun['state'], string> = {
    running: '',
    done: trans.__('Done'),
    failed: trans.__('Failed'),
    cancelled: trans.__('Stopped'),
    interrupted: trans.__('Interrupted'),
    out_of_budget: trans.__('Out of budget')
  };
  return (
    <footer className={`codemad-footer codemad-footer-${kind}`}>
      {!isGood && run.text && <p className="codemad-footer-text">{line(run.text)}</p>}
      <div className="codemad-footer-line">
        <span className="codemad-footer-state">
          <Icon of={run.undone ? undoIcon : isGood ? checkIcon : closeIcon} />
          {run.undone ? trans.__('Undone') : texts[run.state]}
        </span>
        <span className="codemad-footer-facts" title={usageTitle(run, trans)}>
          {factsText([tokensText(run, trans), costText(run.cost, trans), secondsText(run.seconds, trans)])}
        </span>
        {mayUndo(run) && (
          <CommandButton
            kind="quiet"
            icon={undoIcon}
            label={trans.__('Take back all changes of this answer')}
            onClick={() => session.undo(run.id)}
          >
            {trans.__('Undo')}
          </CommandButton>
        )}
        <TurnMenu run={run.id} />
        {redoable && (
          <CommandButton
            kind="quiet"
            icon={redoIcon}
            label={trans.__('Bring the changes back')}
            onClick={() => session.redo()}
          >
            {trans.__('Redo')}
          </CommandButton>
        )}
      </div>
    </footer>
  );
}
