/** The worktree of an agent: what was made in it, by file and cell, and its end. */
import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { deleteIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { RequestError } from '../client';
import type { IProblem } from '../problems';
import { problemOf } from '../problems';
import type { WorktreeInfo } from '../protocol';
import type { Requests } from '../requests';
import { clip, line } from '../text';
import { CommandButton } from './button';
import { usePages, usePanel } from './context';
import { Difference } from './differences';
import { ageText } from './format';
import { useLoaded } from './loaded';

/** Names listed of what is not there. */
const LISTED = 20;

export interface IWorktreeViewProps {
  info: WorktreeInfo;
  /** Another number asks for the work again. */
  seq: number;
  onDropped: () => void;
}

export function WorktreeView({ info, seq, onDropped }: IWorktreeViewProps): React.JSX.Element {
  const { trans } = usePanel();
  const { requests } = usePages();
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- another number means that the work has changed
  const ask = React.useCallback(() => requests.workOf(info.name), [requests, info.name, seq]);
  const work = useLoaded(ask);
  const said = problem ?? work.problem;
  const differences = work.value?.differences ?? [];
  const name = line(info.name, 60);
  return (
    <section className="codemad-worktree" aria-label={trans.__('The work of %1', name)}>
      <Standing info={info} />
      {said && (
        <p className="codemad-point-warning" role="alert">
          <strong>{line(said.message, 4000)}</strong> {line(said.hint)}
        </p>
      )}
      {work.value === null && work.isLoading && (
        <p className="codemad-page-empty">{trans.__('Comparing…')}</p>
      )}
      {work.value !== null && differences.length === 0 && (
        <p className="codemad-page-empty">{trans.__('Nothing is different there.')}</p>
      )}
      <ul className="codemad-differences" aria-label={trans.__('What %1 changed', name)}>
        {differences.map((difference, index) => (
          <Difference key={index} difference={difference} />
        ))}
      </ul>
      <Listed title={trans.__('Beside that only in this folder')} texts={info.besides} />
      <Listed title={trans.__('Not in this folder')} texts={info.left_out} />
      <div className="codemad-point-actions">
        <CommandButton
          icon={deleteIcon}
          disabled={info.state === 'at_work'}
          onClick={async () => {
            setProblem(null);
            try {
              if (await drop(requests, info.name, trans)) {
                onDropped();
              }
            } catch (reason) {
              setProblem(problemOf(reason));
            }
          }}
        >
          {trans.__('Drop…')}
        </CommandButton>
      </div>
    </section>
  );
}

function Standing({ info }: { info: WorktreeInfo }): React.JSX.Element {
  const { trans } = usePanel();
  const words = {
    free: trans.__('at rest'),
    at_work: trans.__('at work'),
    left: trans.__('left by a process that ended'),
    trouble: trans.__('in trouble')
  };
  const facts = [
    words[info.state],
    info.agent && info.agent !== info.name ? trans.__('agent %1', line(info.agent, 80)) : '',
    trans._n('%1 file changed', '%1 files changed', info.changed.length),
    info.base ? trans.__('from %1', line(info.base.slice(0, 10))) : '',
    trans.__('%1 MB', (info.bytes / 1024 ** 2).toFixed(1)),
    ageText(info.made, trans)
  ].filter(Boolean);
  return (
    <>
      <h3>{line(info.name, 60)}</h3>
      {info.task && <p className="codemad-agent-task">{clip(line(info.task), 300)}</p>}
      <div className="codemad-agent-facts">{facts.join(' · ')}</div>
      {info.trouble && <p className="codemad-point-warning">{line(info.trouble)}</p>}
    </>
  );
}

function Listed({ title, texts }: { title: string; texts: readonly string[] }): React.JSX.Element | null {
  const { trans } = usePanel();
  if (!texts.length) {
    return null;
  }
  return (
    <details className="codemad-point-detail">
      <summary>{`${title} (${texts.length})`}</summary>
      <ul>
        {texts.slice(0, LISTED).map((text, index) => (
          <li key={index}>{line(text)}</li>
        ))}
        {texts.length > LISTED && <li>{trans.__('and %1 more', (texts.length - LISTED).toString())}</li>}
      </ul>
    </details>
  );
}

/** Ask, and ask again where something would be lost. True when it is gone. */
async function drop(requests: Requests, name: string, trans: TranslationBundle): Promise<boolean> {
  const shown = line(name, 60);
  const body = trans.__('The folder of this agent is removed for good.');
  if (!(await isSure(trans.__('Drop the work of %1?', shown), body, trans.__('Drop'), trans))) {
    return false;
  }
  try {
    await requests.dropWorktree(name, false);
    return true;
  } catch (reason) {
    if (!(reason instanceof RequestError) || reason.code !== 'conflict') {
      throw reason;
    }
    const title = trans.__('Work of %1 would be lost', shown);
    if (!(await isSure(title, line(reason.message, 4000), trans.__('Drop all the same'), trans))) {
      return false;
    }
    await requests.dropWorktree(name, true);
    return true;
  }
}

async function isSure(
  title: string,
  body: string,
  label: string,
  trans: TranslationBundle
): Promise<boolean> {
  const buttons = [Dialog.cancelButton({ label: trans.__('Keep it') }), Dialog.warnButton({ label })];
  return (await showDialog({ title, body, buttons, defaultButton: 0 })).button.accept;
}
