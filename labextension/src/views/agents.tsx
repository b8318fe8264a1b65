/** The agents of a run as a tree below its phases and tasks: how each stands, and the ways to reach it. */
import { InputDialog } from '@jupyterlab/apputils';
import { editIcon, stopIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IBranch, IStage } from '../crew';
import { MAIN, isOver, lastStep, mainOf, stagesOf } from '../crew';
import type { AgentStatus } from '../protocol';
import { clip, line, plain } from '../text';
import type { IRun } from '../transcript';
import { CommandButton } from './button';
import { usePanel } from './context';
import { costText, factsText, modelText, secondsText, toolObject, toolVerb } from './format';

export function AgentsTree({ run }: { run: IRun }): React.JSX.Element {
  const { trans } = usePanel();
  return (
    <div className="codemad-agents">
      <ul className="codemad-agent-list" aria-label={trans.__('The one you asked')}>
        <AgentRow run={run} status={mainOf(run)} />
      </ul>
      <ol className="codemad-stages" aria-label={trans.__('Phases')}>
        {stagesOf(run).map((stage, index) => (
          <Stage key={index} stage={stage} run={run} />
        ))}
      </ol>
      <Said run={run} />
    </div>
  );
}

function Stage({ stage, run }: { stage: IStage; run: IRun }): React.JSX.Element {
  const { trans } = usePanel();
  const names: Record<string, string> = {
    discuss: trans.__('Discuss'),
    plan: trans.__('Plan'),
    execute: trans.__('Execute'),
    verify: trans.__('Verify')
  };
  const words = {
    open: trans.__('open'),
    running: trans.__('under way'),
    done: trans.__('done'),
    failed: trans.__('failed')
  };
  return (
    <li className="codemad-stage">
      <h3 aria-current={stage.isNow ? 'step' : undefined}>
        {names[stage.phase] ?? trans.__('Work')}
        {stage.isNow && <span className="codemad-badge">{trans.__('now')}</span>}
      </h3>
      {stage.tasks.length > 0 && (
        <ol className="codemad-stage-tasks" aria-label={trans.__('Tasks of the plan')}>
          {stage.tasks.map(({ task, agents }) => (
            <li key={task.id}>
              <span className="codemad-stage-task">{line(task.title)}</span>{' '}
              <span className={`codemad-badge codemad-badge-${BADGES[task.status]}`}>
                {words[task.status]}
              </span>
              <Branches branches={agents} run={run} />
            </li>
          ))}
        </ol>
      )}
      <Branches branches={stage.agents} run={run} />
    </li>
  );
}

const BADGES: Record<string, string> = {
  done: 'approved',
  failed: 'rejected',
  stopped: 'stale',
  running: 'pending',
  open: 'pending'
};

function Branches({ branches, run }: { branches: readonly IBranch[]; run: IRun }): React.JSX.Element | null {
  const { trans } = usePanel();
  if (!branches.length) {
    return null;
  }
  return (
    <ul className="codemad-agent-list" aria-label={trans.__('Agents')}>
      {branches.map(({ agent, under }) => (
        <AgentRow key={agent.status.name} run={run} status={agent.status}>
          <Branches branches={under} run={run} />
        </AgentRow>
      ))}
    </ul>
  );
}

interface IAgentRowProps {
  run: IRun;
  status: AgentStatus;
  children?: React.ReactNode;
}

function AgentRow({ run, status, children }: IAgentRowProps): React.JSX.Element {
  const { trans } = usePanel();
  const isMain = status.name === MAIN;
  const name = isMain ? trans.__('CodeMAD') : line(status.name, 80);
  const words = {
    waiting: trans.__('waiting'),
    working: trans.__('working'),
    done: trans.__('done'),
    failed: trans.__('failed'),
    stopped: trans.__('stopped')
  };
  return (
    <li className={`codemad-agent codemad-agent-${status.state}`} aria-label={name}>
      <div className="codemad-agent-head">
        <span className="codemad-agent-name">{name}</span>
        <span className={`codemad-badge codemad-badge-${BADGES[status.state] ?? 'pending'}`}>
          {words[status.state]}
        </span>
        <span className="codemad-bar-space" />
        {run.state === 'running' && !isOver(status) && <Reach status={status} name={name} />}
      </div>
      <Facts status={status} />
      <p className="codemad-agent-task">{clip(line(status.task), 300)}</p>
      <Latest run={run} status={status} />
      {children}
    </li>
  );
}

/** Stop one, or tell it something while it works. */
function Reach({ status, name }: { status: AgentStatus; name: string }): React.JSX.Element {
  const { session, trans } = usePanel();
  return (
    <>
      <CommandButton
        kind="quiet"
        icon={editIcon}
        label={trans.__('Tell %1 something', name)}
        onClick={() => tell(text => session.steer(text, status.name), name, trans)}
      />
      <CommandButton
        kind="quiet"
        icon={stopIcon}
        label={trans.__('Stop %1', name)}
        onClick={() => (status.name === MAIN ? session.cancel() : session.stopAgent(status.name))}
      />
    </>
  );
}

async function tell(
  say: (text: string) => Promise<boolean>,
  name: string,
  trans: TranslationBundle,
  text = ''
): Promise<void> {
  const { value } = await InputDialog.getText({
    title: trans.__('Tell %1', name),
    label: trans.__('It reads this before its next step.'),
    okLabel: trans.__('Tell'),
    text
  });
  if (value?.trim()) {
    await say(value);
  }
}

function Facts({ status }: { status: AgentStatus }): React.JSX.Element {
  const { trans } = usePanel();
  const isWorking = status.state === 'working';
  const now = useNow(isWorking);
  // The clocks of browser and server may differ; what the server counted is the least.
  const seconds =
    isWorking && status.started > 0 ? Math.max(now - status.started, status.seconds) : status.seconds;
  const facts = [
    status.role && status.role !== status.name ? line(status.role, 80) : '',
    status.model ? modelText(status.model, trans) : '',
    status.tokens ? trans.__('%1 tokens', status.tokens.toLocaleString()) : '',
    status.tokens ? costText(status.cost, trans) : '',
    status.steps ? trans._n('%1 step', '%1 steps', status.steps) : '',
    status.started > 0 || seconds > 0
      ? isWorking
        ? elapsedText(seconds, trans)
        : secondsText(seconds, trans)
      : '',
    status.worktree ? trans.__('in folder %1', line(status.worktree, 80)) : ''
  ];
  return <div className="codemad-agent-facts">{factsText(facts)}</div>;
}

/** Whole seconds, for what ticks. */
function elapsedText(seconds: number, trans: TranslationBundle): string {
  return seconds < 60 ? trans.__('%1 s', Math.floor(seconds).toString()) : secondsText(seconds, trans);
}

/** Seconds since the epoch, told every second while it matters. */
function useNow(isTicking: boolean): number {
  const [now, setNow] = React.useState(() => Date.now() / 1000);
  React.useEffect(() => {
    if (!isTicking) {
      return;
    }
    setNow(Date.now() / 1000);
    const timer = window.setInterval(() => {
      setNow(Date.now() / 1000);
    }, 1000);
    return () => {
      window.clearInterval(timer);
    };
  }, [isTicking]);
  return now;
}

/** What it did last; what it reported, once it has. */
function Latest({ run, status }: { run: IRun; status: AgentStatus }): React.JSX.Element | null {
  const { trans } = usePanel();
  if (isOver(status) && status.text) {
    const text = plain(status.text);
    return text.length <= SHORT && !text.includes('\n') ? (
      <p className="codemad-agent-text">{text}</p>
    ) : (
      <details className="codemad-agent-text">
        <summary>{clip(line(text), SHORT)}</summary>
        <div className="codemad-agent-report">{text}</div>
      </details>
    );
  }
  const step = isOver(status) ? null : lastStep(run, status.name);
  return step ? (
    <p className="codemad-agent-text">
      {[toolVerb(step.tool, trans), clip(line(step.summary) || toolObject(step), 200)]
        .filter(Boolean)
        .join(': ')}
    </p>
  ) : null;
}

const SHORT = 160;

/** What agents said to each other, oldest first. */
function Said({ run }: { run: IRun }): React.JSX.Element | null {
  const { trans } = usePanel();
  if (!run.said.length) {
    return null;
  }
  const kinds = {
    assignment: trans.__('assignment'),
    progress: trans.__('progress'),
    result: trans.__('result'),
    question: trans.__('question'),
    notice: trans.__('notice')
  };
  return (
    <section className="codemad-said" aria-label={trans.__('Messages between agents')}>
      <h3>{trans.__('Messages between agents')}</h3>
      <ol>
        {run.said.map(message => (
          <li key={message.number}>
            <div className="codemad-agent-facts">
              {[
                `#${message.number}`,
                `${line(message.sender, 80)} → ${message.to === null ? trans.__('all') : line(message.to, 80)}`,
                kinds[message.kind],
                message.answers === null ? '' : trans.__('answers #%1', message.answers.toString())
              ]
                .filter(Boolean)
                .join(' · ')}
            </div>
            <div className="codemad-said-text">{plain(message.text)}</div>
          </li>
        ))}
      </ol>
    </section>
  );
}
