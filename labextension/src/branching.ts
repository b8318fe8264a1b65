/** Branches of a session in the panel: which runs are shown, and what can be redone where. Pure. */
import type { BranchChanged, Event, Restored } from './protocol';
import type { Entry, IRun, ITranscript } from './transcript';

/** The session stands on another branch, or the one it stands on has another name. */
export function branched(state: ITranscript, event: BranchChanged): ITranscript {
  if (event.change === 'named') {
    return event.branch === state.branch ? { ...state, branchName: event.name } : state;
  }
  const here = new Set(event.runs);
  const entries = state.entries.map(entry =>
    entry.kind === 'run' && entry.away === here.has(entry.id) ? { ...entry, away: !entry.away } : entry
  );
  const isSame = event.branch === state.branch;
  const shelved = isSame ? state.shelved : { ...state.shelved, [state.branch]: state.redoable };
  const redoable = isSame ? state.redoable : (shelved[event.branch] ?? []);
  const { branch, name: branchName, differing } = event;
  return { ...state, entries, branch, branchName, shelved, redoable, differing };
}

/** What can be redone after an undo, a redo or a restore, which is taken back on the branch it was begun on. */
export function redoableAfter(
  { redoable, shelved, branch, madeOn }: ITranscript,
  { kind, runs }: Restored
): Pick<ITranscript, 'redoable' | 'shelved'> {
  if (kind === 'redo') {
    return { redoable: redoable.slice(0, -1), shelved };
  }
  if (madeOn === branch) {
    return { redoable: [...redoable, runs], shelved };
  }
  return { redoable, shelved: { ...shelved, [madeOn]: [...(shelved[madeOn] ?? []), runs] } };
}

/** What belongs to the branch the session stands on; a line between runs goes with the run before it. */
export function entriesHere(entries: readonly Entry[]): readonly Entry[] {
  if (!entries.some(isAway)) {
    return entries;
  }
  let last: IRun | null = null;
  return entries.filter(entry => {
    last = entry.kind === 'run' ? entry : last;
    return last === null || !last.away;
  });
}

function isAway(entry: Entry): boolean {
  return entry.kind === 'run' && entry.away;
}

const OF_TREE = new Set(['branch_changed', 'session_changed', 'run_started', 'run_finished', 'restored']);

/** Is the tree of the session another after this event? */
export function changesTree(event: Event): boolean {
  return OF_TREE.has(event.type);
}
