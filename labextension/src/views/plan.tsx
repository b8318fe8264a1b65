/** A plan as a card: its tasks with what they need and how far they are, and the ways to change and begin it. */
import {
  addIcon,
  caretDownIcon,
  caretUpIcon,
  checkIcon,
  closeIcon,
  deleteIcon,
  editIcon,
  listIcon,
  runIcon
} from '@jupyterlab/ui-components';
import type { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { minutesLeft, moved, needed, newTask, put, without } from '../plans';
import type { Plan, PlanTask } from '../protocol';
import { line, plain } from '../text';
import type { IPlanned } from '../transcript';
import { Button, CommandButton, Icon } from './button';
import { usePanel, useSession } from './context';
import { TaskForm } from './taskform';

function PlanCardContent({ item }: { item: IPlanned }): React.JSX.Element {
  const { trans } = usePanel();
  const { plan, isCurrent } = item;
  const name = trans.__('Plan: %1', line(plan.goal));
  if (!isCurrent) {
    return (
      <p className="codemad-note codemad-note-info">
        <Icon of={listIcon} />
        <span>{trans.__('%1 (carried on below)', name)}</span>
      </p>
    );
  }
  return (
    <section className={`codemad-card codemad-plan codemad-plan-${plan.status}`} aria-label={name}>
      <header className="codemad-card-header">
        <Icon of={listIcon} />
        <span className="codemad-card-title">{trans.__('Plan')}</span>
        <Standing plan={plan} />
      </header>
      <p className="codemad-edit-title">{plain(plan.goal)}</p>
      <Tasks plan={plan} />
    </section>
  );
}

export const PlanCard = React.memo(PlanCardContent);

function Standing({ plan }: { plan: Plan }): React.JSX.Element {
  const { trans } = usePanel();
  const done = plan.tasks.filter(task => task.status === 'done').length;
  const minutes = minutesLeft(plan);
  const texts = {
    proposed: trans.__('waits for you'),
    approved: trans.__('%1 of %2 done', done.toString(), plan.tasks.length.toString()),
    done: trans.__('done'),
    dropped: trans.__('dropped')
  };
  const isLeft = minutes > 0 && (plan.status === 'proposed' || plan.status === 'approved');
  return (
    <span className={`codemad-badge codemad-plan-standing codemad-badge-${BADGES[plan.status]}`}>
      {texts[plan.status]}
      {isLeft && ` · ${trans.__('about %1 min', Math.round(minutes).toString())}`}
    </span>
  );
}

const BADGES = { proposed: 'pending', approved: 'pending', done: 'approved', dropped: 'rejected' };

/** Rows one goes through with Tab; Alt and the arrows move one, Enter changes it, Delete drops it. */
function Tasks({ plan }: { plan: Plan }): React.JSX.Element {
  const { owner, session, trans } = usePanel();
  const isRunning = useSession(snapshot => snapshot.transcript.running !== null);
  const isOpen =
    owner === undefined && !isRunning && (plan.status === 'proposed' || plan.status === 'approved');
  const [written, write] = React.useState<PlanTask | null>(null);
  const { rows, focus } = useFocus(plan);
  const change = async (tasks: readonly PlanTask[], id: string): Promise<boolean> => {
    focus(id);
    return session.changePlan(plan, tasks);
  };
  const drop = (task: PlanTask): Promise<boolean> => {
    const at = plan.tasks.indexOf(task);
    return change(without(plan.tasks, task.id), (plan.tasks.at(at + 1) ?? plan.tasks[at - 1]).id);
  };
  const onKeyDown = (event: React.KeyboardEvent, task: PlanTask): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!isOpen || event.target !== event.currentTarget) {
      return;
    }
    if (event.altKey && step !== undefined) {
      void change(moved(plan.tasks, task.id, step), task.id);
    } else if (event.key === 'Enter') {
      write(task);
    } else if (event.key === 'Delete' && plan.tasks.length > 1) {
      void drop(task);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const save = async (task: PlanTask): Promise<void> => {
    if (await change(put(plan.tasks, task), task.id)) {
      write(null);
    }
  };
  const form = written && (
    <TaskForm
      task={written}
      save={save}
      cancel={() => {
        write(null);
      }}
    />
  );
  return (
    <>
      <ol className="codemad-tasks" aria-label={trans.__('Tasks')}>
        {plan.tasks.map((task, index) => (
          <li
            key={task.id}
            ref={node => {
              rows.current.set(task.id, node);
            }}
            className={`codemad-task codemad-task-${task.status}`}
            tabIndex={isOpen ? 0 : undefined}
            aria-keyshortcuts={isOpen ? 'Alt+ArrowUp Alt+ArrowDown Enter Delete' : undefined}
            onKeyDown={event => {
              onKeyDown(event, task);
            }}
          >
            {isOpen && written?.id === task.id ? (
              form
            ) : (
              <TaskView plan={plan} task={task} number={index + 1} />
            )}
            {isOpen && written?.id !== task.id && (
              <div className="codemad-task-actions">
                <CommandButton
                  kind="quiet"
                  icon={caretUpIcon}
                  label={trans.__('Task %1 earlier', (index + 1).toString())}
                  disabled={index === 0}
                  onClick={() => change(moved(plan.tasks, task.id, -1), task.id)}
                />
                <CommandButton
                  kind="quiet"
                  icon={caretDownIcon}
                  label={trans.__('Task %1 later', (index + 1).toString())}
                  disabled={index === plan.tasks.length - 1}
                  onClick={() => change(moved(plan.tasks, task.id, 1), task.id)}
                />
                <Button
                  kind="quiet"
                  icon={editIcon}
                  label={trans.__('Change task %1', (index + 1).toString())}
                  onClick={() => {
                    write(task);
                  }}
                />
                <CommandButton
                  kind="quiet"
                  icon={deleteIcon}
                  label={trans.__('Drop task %1', (index + 1).toString())}
                  disabled={plan.tasks.length === 1}
                  onClick={() => drop(task)}
                />
              </div>
            )}
          </li>
        ))}
      </ol>
      {isOpen && written && !plan.tasks.some(task => task.id === written.id) && form}
      {isOpen && (
        <div className="codemad-card-actions">
          <CommandButton kind="primary" icon={runIcon} onClick={() => session.approvePlan(plan)}>
            {plan.status === 'proposed' ? trans.__('Approve and begin') : trans.__('Go on')}
          </CommandButton>
          <Button
            icon={addIcon}
            onClick={() => {
              write(newTask(plan.tasks));
            }}
          >
            {trans.__('Add a task')}
          </Button>
          <CommandButton kind="quiet" onClick={() => session.dropPlan(plan)}>
            {trans.__('Drop the plan')}
          </CommandButton>
        </div>
      )}
    </>
  );
}

const MARKS: Partial<Record<PlanTask['status'], LabIcon>> = {
  running: runIcon,
  done: checkIcon,
  failed: closeIcon
};

function TaskView({ plan, task, number }: { plan: Plan; task: PlanTask; number: number }): React.JSX.Element {
  const { trans } = usePanel();
  const words = {
    open: '',
    running: trans.__('under way'),
    done: trans.__('done'),
    failed: trans.__('failed')
  };
  const before = needed(plan, task);
  const facts = [
    words[task.status],
    task.minutes === null ? '' : trans.__('about %1 min', task.minutes.toString()),
    before.length ? trans.__('after %1', before.join(', ')) : ''
  ].filter(Boolean);
  const mark = MARKS[task.status];
  return (
    <div className="codemad-task-text">
      <span className="codemad-task-mark" aria-hidden="true">
        {mark ? <Icon of={mark} /> : number}
      </span>
      <div className="codemad-task-words">
        <span className="codemad-task-title">{line(task.title)}</span>
        {facts.length > 0 && <span className="codemad-task-facts">{facts.join(' · ')}</span>}
        {task.detail && <p className="codemad-task-detail">{plain(task.detail)}</p>}
        {task.note && <p className="codemad-task-note">{plain(task.note)}</p>}
      </div>
    </div>
  );
}

/** The row that was acted on keeps the focus when the plan comes back changed. */
function useFocus(plan: Plan): {
  rows: React.MutableRefObject<Map<string, HTMLLIElement | null>>;
  focus: (id: string) => void;
} {
  const rows = React.useRef(new Map<string, HTMLLIElement | null>());
  const wanted = React.useRef<string | null>(null);
  React.useLayoutEffect(() => {
    if (wanted.current !== null) {
      rows.current.get(wanted.current)?.focus();
      wanted.current = null;
    }
  }, [plan]);
  return {
    rows,
    focus: id => {
      wanted.current = id;
    }
  };
}
