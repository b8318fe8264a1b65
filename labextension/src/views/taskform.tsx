/** Writing a task of a plan: Enter saves, Escape leaves it as it was. */
import React from 'react';

import type { PlanTask } from '../protocol';
import { Button, CommandButton } from './button';
import { usePanel } from './context';

export interface ITaskFormProps {
  task: PlanTask;
  save: (task: PlanTask) => Promise<void>;
  cancel: () => void;
}

export function TaskForm({ task, save, cancel }: ITaskFormProps): React.JSX.Element {
  const { trans } = usePanel();
  const [title, setTitle] = React.useState(task.title);
  const [detail, setDetail] = React.useState(task.detail);
  const [minutes, setMinutes] = React.useState(task.minutes?.toString() ?? '');
  const first = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => {
    first.current?.focus();
  }, []);
  const isFit = title.trim() !== '';
  const done = (): Promise<void> => {
    const estimate = Number.parseFloat(minutes);
    const known = Number.isFinite(estimate) && estimate >= 0 ? estimate : null;
    return save({ ...task, title: title.trim(), detail: detail.trim(), minutes: known });
  };
  return (
    <div
      className="codemad-task-form"
      role="group"
      aria-label={trans.__('Task')}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          cancel();
        } else if (event.key === 'Enter' && event.target instanceof HTMLInputElement && isFit) {
          void done();
        } else {
          return;
        }
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <label>
        {trans.__('What is done')}
        <input
          ref={first}
          className="codemad-field"
          value={title}
          maxLength={200}
          onChange={event => {
            setTitle(event.target.value);
          }}
        />
      </label>
      <label>
        {trans.__('Details')}
        <textarea
          className="codemad-field"
          rows={3}
          value={detail}
          maxLength={4000}
          onChange={event => {
            setDetail(event.target.value);
          }}
        />
      </label>
      <label>
        {trans.__('Minutes, about')}
        <input
          className="codemad-field codemad-field-short"
          type="number"
          min={0}
          value={minutes}
          onChange={event => {
            setMinutes(event.target.value);
          }}
        />
      </label>
      <div className="codemad-card-actions">
        <CommandButton kind="primary" disabled={!isFit} onClick={done}>
          {trans.__('Save')}
        </CommandButton>
        <Button onClick={cancel}>{trans.__('Cancel')}</Button>
      </div>
    </div>
  );
}
