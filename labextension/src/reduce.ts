/**
 * The pure heart of the panel: (transcript, event) → transcript.
 *
 * Events seen twice are dropped by their number. A finished message replaces its deltas, so a
 * replayed session equals the one that was watched live. Unchanged runs keep their identity, which
 * is what lets the views skip them.
 */
import type {
  CellExecuted,
  Commented,
  Committed,
  Compacted,
  EditSettled,
  Event,
  MemoryChanged,
  Notice,
  Restored,
  RunFinished,
  RunStarted
} from './protocol';
import { ended } from './crew';
import { branched, redoableAfter } from './branching';
import { outdated } from './outdated';
import { planned } from './plans';
import { append, closed, newRun, withinRun } from './run';
import type { Entry, INote, IProposal, IRemembered, IRun, ITranscript, Item } from './transcript';

/** The next transcript. Events of other sessions and events already seen change nothing. */
export function reduce(state: ITranscript, event: Event): ITranscript {
  if (event.session !== state.session || (event.seq > 0 && event.seq <= state.seq)) {
    return state;
  }
  const next = outdated(apply(state, event), event);
  return event.seq > 0 ? { ...next, seq: event.seq } : next;
}

function apply(state: ITranscript, event: Event): ITranscript {
  switch (event.type) {
    case 'branch_changed':
      return branched(state, event);
    case 'session_changed':
      return { ...state, title: event.title, model: event.model };
    case 'run_started':
      return started(state, event);
    case 'run_finished':
      return finished(state, event);
    case 'notice':
      return noticed(state, event);
    case 'restored':
      return restored(state, event);
    case 'edit_tried':
      return withEdit(state, event.edit, p => ({ ...p, edit: { ...p.edit, trial: event.trial } }));
    case 'edit_diagnosed':
      return withEdit(state, event.edit, p => ({ ...p, edit: { ...p.edit, diagnosis: event.diagnosis } }));
    case 'edit_settled':
      return withEdit(state, event.edit, proposal => settled(proposal, event));
    case 'cell_started':
      return withItem(state, isTouched(event.cell), item =>
        item.kind === 'edit' ? { ...item, isRunning: true } : item
      );
    case 'cell_executed':
      return executed(state, event);
    case 'approval_settled':
      return withItem(state, isApproval(event.approval), item =>
        item.kind === 'approval' ? { ...item, decision: event.decision, answer: event.reason } : item
      );
    case 'checkpoint_made':
      return event.reason === 'run'
        ? inRun(state, event.run, run => ({ ...run, checkpoint: true }))
        : { ...state, madeOn: state.branch };
    case 'verified':
      return inRun(state, event.run, run =>
        append(run, { kind: 'verified', key: `verified-${event.seq}`, report: event.report })
      );
    case 'kernel_changed':
      return said(state, event, { level: 'warning', code: 'kernel', text: event.text });
    case 'compacted':
      return said(state, event, { level: 'info', code: 'compacted', text: compactedText(event) });
    case 'memory_changed':
      return remembered(state, event);
    case 'plan_changed':
      return planned(state, event);
    case 'committed':
      return said(state, event, { level: 'info', code: 'committed', text: committedText(event) });
    case 'share_changed':
      return said(state, event, { level: 'info', code: 'shared', text: event.text });
    case 'commented':
      return commented(state, event);
    case 'checkpoints_changed':
      return said(state, event, { level: 'info', code: 'checkpoints', text: event.text });
    case 'data_level_chosen':
      return state;
    case 'mode_chosen':
      return said(state, event, { level: 'info', code: 'mode', text: `Mode ${event.mode} from now on.` });
    default:
      return inRun(state, event.run, run => withinRun(run, event));
  }
}

function started(state: ITranscript, event: RunStarted): ITranscript {
  const id = event.run ?? `run-${event.seq}`;
  const run = newRun(id, event);
  return { ...state, entries: [...state.entries, run], running: id, redoable: [], differing: [] };
}

/** An approval that nobody answered ends with its run. */
function finished(state: ITranscript, event: RunFinished): ITranscript {
  const next = inRun(state, event.run, run => ({
    ...run,
    state: event.status,
    text: event.text,
    usage: event.usage,
    cost: event.cost,
    seconds: event.seconds,
    items: run.items.map(closed),
    agents: ended(run.agents)
  }));
  return { ...next, running: state.running === event.run ? null : state.running };
}

function noticed(state: ITranscript, event: Notice): ITranscript {
  return said(state, event, { level: event.level, code: event.code, text: event.text });
}

function commented(state: ITranscript, { seq, guest, text }: Commented): ITranscript {
  const comment = { kind: 'comment' as const, key: `comment-${seq}`, guest, text };
  return { ...state, entries: [...state.entries, comment] };
}

/** A line of its own, in its run where there is one. */
function said(
  state: ITranscript,
  event: Event,
  { level, code, text }: Pick<INote, 'level' | 'code' | 'text'>
): ITranscript {
  // What could not be stored has no number.
  const key = event.seq > 0 ? `note-${event.seq}` : `note-at-${event.at}`;
  const note: INote = { kind: 'note', key, level, code, text };
  if (findRun(state, event.run) >= 0) {
    return inRun(state, event.run, run => append(run, note));
  }
  return { ...state, entries: [...state.entries, note] };
}

/** A line of its own for what is new; what became of it shows where it stands. */
function remembered(state: ITranscript, event: MemoryChanged): ITranscript {
  const { memories, change, scope, text } = event;
  const item: IRemembered = { kind: 'memory', key: `memory-${event.seq}`, memories, change, scope, text };
  const isMeant = (each: Item | Entry): boolean =>
    each.kind === 'memory' && each.change !== 'forgotten' && each.memories.every(id => memories.includes(id));
  const holdsIt = (entry: Entry): boolean =>
    entry.kind === 'run' ? entry.items.some(isMeant) : isMeant(entry);
  if (state.entries.some(holdsIt)) {
    const changed = <T extends Item | Entry>(each: T): T =>
      isMeant(each) ? { ...each, change, scope, text } : each;
    const entries = state.entries.map(entry =>
      entry.kind === 'run' && holdsIt(entry) ? { ...entry, items: entry.items.map(changed) } : changed(entry)
    );
    return { ...state, entries };
  }
  if (findRun(state, event.run) >= 0) {
    return inRun(state, event.run, run => append(run, item));
  }
  return { ...state, entries: [...state.entries, item] };
}

function compactedText(event: Compacted): string {
  const turns = event.turns === 1 ? 'The first turn' : `The first ${event.turns} turns`;
  return `${turns} of this conversation are now sent as a summary; see “What is sent”. They stay here in full.`;
}

function committedText(event: Committed): string {
  return `Committed as ${event.commit.slice(0, 10)}: ${event.message.split('\n')[0]}`;
}

function restored(state: ITranscript, event: Restored): ITranscript {
  const undone = event.kind !== 'redo';
  const named = new Set(event.runs);
  const others = new Set(event.others);
  const marked = eachRun(state, run =>
    named.has(run.id) || others.has(run.id) ? { ...run, undone: named.has(run.id) === undone } : run
  );
  const entry = {
    kind: 'restored' as const,
    key: `restored-${event.seq}`,
    direction: event.kind,
    files: event.files,
    cells: event.cells,
    merged: event.merged,
    conflicts: event.conflicts
  };
  return { ...marked, entries: [...marked.entries, entry], ...redoableAfter(state, event) };
}

function settled(proposal: IProposal, event: EditSettled): IProposal {
  const hunks = proposal.edit.hunks.map(hunk => ({
    ...hunk,
    status: event.hunks[String(hunk.id)] ?? hunk.status
  }));
  return { ...proposal, edit: { ...proposal.edit, hunks }, status: event.status, detail: event.detail };
}

/** The execution belongs to the latest proposal for that cell, else it stands alone in its run. */
function executed(state: ITranscript, event: CellExecuted): ITranscript {
  const execution = { ok: event.ok, error: event.error, seconds: event.seconds };
  const next = withItem(state, isTouched(event.cell), item =>
    item.kind === 'edit' ? { ...item, execution, isRunning: false } : item
  );
  if (next !== state) {
    return next;
  }
  const { notebook, cell } = event;
  return inRun(state, event.run, run =>
    append(run, { kind: 'executed', key: `executed-${event.seq}`, notebook, cell, ...execution })
  );
}

/** A proposal for the cell. */
function isTouched(cell: string): (item: Item) => boolean {
  return item =>
    item.kind === 'edit' &&
    item.edit.target.type === 'cell' &&
    item.edit.target.cell === cell &&
    item.status !== 'rejected';
}

function isApproval(id: string): (item: Item) => boolean {
  return item => item.kind === 'approval' && item.approval === id;
}

function findRun(state: ITranscript, id: string | null): number {
  return lastIndex(state.entries, entry => entry.kind === 'run' && entry.id === id);
}

function inRun(state: ITranscript, id: string | null, change: (run: IRun) => IRun): ITranscript {
  const index = findRun(state, id);
  const run = state.entries.at(index);
  if (index < 0 || run?.kind !== 'run') {
    return state;
  }
  const entries = [...state.entries];
  entries[index] = change(run);
  return { ...state, entries };
}

function eachRun(state: ITranscript, change: (run: IRun) => IRun): ITranscript {
  return { ...state, entries: state.entries.map(entry => (entry.kind === 'run' ? change(entry) : entry)) };
}

/** Change the latest item that fits, in whatever run it stands: edits are settled long after their run. */
function withItem(
  state: ITranscript,
  fits: (item: Item) => boolean,
  change: (item: Item) => Item
): ITranscript {
  for (let index = state.entries.length - 1; index >= 0; index--) {
    const entry = state.entries[index];
    const found = entry.kind === 'run' ? lastIndex(entry.items, fits) : -1;
    if (entry.kind === 'run' && found >= 0) {
      const items = entry.items.map((item, i) => (i === found ? change(item) : item));
      const entries = [...state.entries];
      entries[index] = { ...entry, items };
      return { ...state, entries };
    }
  }
  return state;
}

function withEdit(state: ITranscript, id: string, change: (p: IProposal) => IProposal): ITranscript {
  return withItem(
    state,
    item => item.kind === 'edit' && item.edit.id === id,
    item => (item.kind === 'edit' ? change(item) : item)
  );
}

function lastIndex<T>(values: readonly T[], fits: (value: T) => boolean): number {
  for (let index = values.length - 1; index >= 0; index--) {
    if (fits(values[index])) {
      return index;
    }
  }
  return -1;
}
