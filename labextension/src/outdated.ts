/** What the pages beside the conversation show is outdated by which event, and is to be asked for again. Pure. */
import { changesTree } from './branching';
import { isOver } from './crew';
import type { Event } from './protocol';
import type { ITranscript } from './transcript';

const OF_CHECKPOINTS = new Set([
  'checkpoint_made',
  'checkpoints_changed',
  'restored',
  'edit_settled',
  'cell_executed'
]);
const OF_CONTEXT = new Set([
  'session_changed',
  'run_finished',
  'restored',
  'data_level_chosen',
  'compacted',
  'memory_changed'
]);

/** An agent's folder is there when it begins, and is at rest when it or the run ends. */
function ofWork(event: Event): boolean {
  return event.type === 'agent_changed'
    ? event.status.worktree !== null && (event.status.steps === 0 || isOver(event.status))
    : event.type === 'run_finished';
}

/** Notes what the pages have to ask for again. */
export function outdated(state: ITranscript, event: Event): ITranscript {
  const { seq } = event;
  const changed: Partial<ITranscript> = {
    ...(OF_CHECKPOINTS.has(event.type) ? { checkpointsSeq: seq } : {}),
    ...(OF_CONTEXT.has(event.type) ? { contextSeq: seq } : {}),
    ...(event.type === 'memory_changed' ? { memorySeq: seq } : {}),
    ...(event.type === 'mode_chosen' ? { modeSeq: seq } : {}),
    ...(ofWork(event) ? { workSeq: seq } : {}),
    ...(changesTree(event) ? { treeSeq: seq } : {})
  };
  return Object.keys(changed).length > 0 ? { ...state, ...changed } : state;
}
