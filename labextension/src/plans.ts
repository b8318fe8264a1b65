/** What becomes of a plan, and what a person makes of its tasks. Pure; the server checks every change. */
import type { Plan, PlanChanged, PlanTask } from './protocol';
import type { IPlanned, IRun, ITranscript, Item } from './transcript';

/** The transcript after a plan was proposed, changed, approved, carried on or dropped. */
export function planned(state: ITranscript, event: PlanChanged): ITranscript {
  const isNew = event.change === 'proposed' || event.change === 'approved';
  const home = isNew ? event.run : null;
  const entries = state.entries.map(entry =>
    entry.kind === 'run' ? inRun(entry, event, entry.id === home) : entry
  );
  return { ...state, entries };
}

/** Where a plan is proposed or begun it stands anew; what stood before says only that it did. */
function inRun(run: IRun, event: PlanChanged, isHome: boolean): IRun {
  const isPlan = (item: Item): item is IPlanned => item.kind === 'plan';
  const isNew = event.change === 'proposed' || event.change === 'approved';
  if (!isHome && !run.items.some(isPlan)) {
    return run;
  }
  const fresh: IPlanned = { kind: 'plan', key: `plan-${event.seq}`, plan: event.plan, isCurrent: true };
  const known = run.items.find(item => isPlan(item) && item.plan.id === event.plan.id);
  const items = run.items.map(item => {
    if (!isPlan(item)) {
      return item;
    }
    const isMeant = item.plan.id === event.plan.id && (isHome || (!isNew && item.isCurrent));
    return isMeant ? { ...fresh, key: item.key } : isNew ? { ...item, isCurrent: false } : item;
  });
  return { ...run, items: isHome && !known ? [...items, fresh] : items };
}

/** The tasks with one that stands so many places later. */
export function moved(tasks: readonly PlanTask[], id: string, by: number): PlanTask[] {
  const from = tasks.findIndex(task => task.id === id);
  const to = from + by;
  const next = [...tasks];
  if (from >= 0 && to >= 0 && to < tasks.length) {
    next.splice(to, 0, ...next.splice(from, 1));
  }
  return next;
}

/** The tasks without one; nobody needs it any more. */
export function without(tasks: readonly PlanTask[], id: string): PlanTask[] {
  return tasks
    .filter(task => task.id !== id)
    .map(task => ({ ...task, needs: task.needs.filter(need => need !== id) }));
}

/** The tasks with this one in its place, or at the end. */
export function put(tasks: readonly PlanTask[], changed: PlanTask): PlanTask[] {
  const isThere = tasks.some(task => task.id === changed.id);
  return isThere ? tasks.map(task => (task.id === changed.id ? changed : task)) : [...tasks, changed];
}

/** A task that is still to be written. */
export function newTask(tasks: readonly PlanTask[]): PlanTask {
  const ids = new Set(tasks.map(task => task.id));
  let number = tasks.length + 1;
  while (ids.has(`task-${number}`)) {
    number++;
  }
  return { id: `task-${number}`, title: '', detail: '', needs: [], minutes: null, status: 'open', note: '' };
}

/** The numbers of the tasks that come before this one. */
export function needed(plan: Plan, task: PlanTask): number[] {
  return plan.tasks.flatMap((each, index) => (task.needs.includes(each.id) ? [index + 1] : []));
}

/** Minutes of what is left, as far as they are estimated. */
export function minutesLeft(plan: Plan): number {
  return plan.tasks.reduce((sum, task) => sum + (task.status === 'done' ? 0 : (task.minutes ?? 0)), 0);
}
