/**
 * What waits for the person, and where it belongs: pure functions over the transcript.
 *
 * Where a hunk stands in the text that is there now, which cell a proposal is shown at, and in which
 * order. Drawing it is left to the views and to `notebook/review`.
 */
import type { CellTarget, Edit, Hunk } from './protocol';
import type { Entry, IProposal, IRun, ITranscript } from './transcript';

/** A proposal that was not settled, with the run it came from. */
export interface IOpen {
  proposal: IProposal;
  run: string;
}

/* A line with its end, or the rest of the text. */
const PYTHON_LINE =
  // eslint-disable-next-line no-control-regex
  /[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])|[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+$/g;

const known = new WeakMap<IRun, readonly IOpen[]>();
const NONE: readonly IOpen[] = [];

/** All open proposals, oldest first. Runs that did not change are not looked through again. */
export function openProposals(transcript: ITranscript): readonly IOpen[] {
  const found = transcript.entries.flatMap(ofEntry);
  return found.length ? found : NONE;
}

function ofEntry(entry: Entry): readonly IOpen[] {
  if (entry.kind !== 'run' || entry.undone || entry.away) {
    return NONE;
  }
  let list = known.get(entry);
  if (!list) {
    list = entry.items
      .filter((item): item is IProposal => item.kind === 'edit' && isOpen(item))
      .map(proposal => ({ proposal, run: entry.id }));
    known.set(entry, list.length ? list : NONE);
  }
  return list;
}

/** A stale proposal is open too: it may be tried again, and says why it could not be applied. */
export function isOpen({ status, edit }: IProposal): boolean {
  return (status === 'pending' || status === 'stale') && edit.hunks.some(hunk => hunk.status === 'pending');
}

/** Whether two lists hold the same values, so that nothing need be drawn again. */
export function isSame(one: readonly IOpen[], other: readonly IOpen[]): boolean {
  return one.length === other.length && one.every((each, i) => each.proposal === other[i].proposal);
}

/** Whether its cell can be run once it is there. */
export function isRunnable({ target }: Edit): boolean {
  return (
    target.type === 'cell' &&
    target.cell_type === 'code' &&
    !['delete', 'move', 'clear', 'retype'].includes(target.op)
  );
}

/** A pending hunk in the text that ought to be there now; lines both sides share are left out. */
export interface IPlace {
  hunk: Hunk;
  /** The removed lines, as offsets; equal where nothing is removed. */
  from: number;
  to: number;
  old: string;
  fresh: string;
}

/**
 * `before` with the accepted hunks applied, and where the pending ones stand in it. Line ends are
 * unified, as in an editor's document.
 */
export function placesOf(edit: Edit): { text: string; places: IPlace[] } {
  const lines = splitLines(edit.before);
  const places: IPlace[] = [];
  let text = '';
  let at = 0;
  for (const hunk of [...edit.hunks].sort((a, b) => a.start - b.start)) {
    text += lines.slice(at, hunk.start).map(unified).join('');
    if (hunk.status === 'pending') {
      places.push(placeOf(hunk, text.length));
    }
    text += (hunk.status === 'accepted' ? hunk.new : hunk.old).map(unified).join('');
    at = hunk.start + hunk.old.length;
  }
  text += lines.slice(at).map(unified).join('');
  return { text, places };
}

function placeOf(hunk: Hunk, at: number): IPlace {
  const old = hunk.old.map(unified);
  const fresh = hunk.new.map(unified);
  const most = Math.min(old.length, fresh.length);
  let head = 0;
  while (head < most && bare(old[head]) === bare(fresh[head])) {
    head++;
  }
  let tail = 0;
  while (tail < most - head && bare(old[old.length - 1 - tail]) === bare(fresh[fresh.length - 1 - tail])) {
    tail++;
  }
  const isAlike = head + tail === Math.max(old.length, fresh.length);
  if (isAlike) {
    // Only line ends differ: there is nothing to see but both texts.
    head = tail = 0;
  }
  const from = at + old.slice(0, head).join('').length;
  const removed = old.slice(head, old.length - tail).join('');
  return {
    hunk,
    from,
    to: from + removed.length,
    old: removed,
    fresh: fresh.slice(head, fresh.length - tail).join('')
  };
}

/** Lines with their ends, as Python's `splitlines` cuts them: hunks count in those. */
export function splitLines(text: string): string[] {
  return text.match(PYTHON_LINE) ?? [];
}

export function unified(text: string): string {
  return text.replace(/\r\n?/g, '\n');
}

function bare(text: string): string {
  return text.replace(/\n$/, '');
}

/** How many lines a change adds and takes. */
export function sizeOf(edit: Edit): { added: number; removed: number } {
  let added = 0;
  let removed = 0;
  for (const hunk of edit.hunks) {
    const { old, fresh } = placeOf(hunk, 0);
    added += splitLines(fresh).length;
    removed += splitLines(old).length;
  }
  return { added, removed };
}

/** At a cell: before all of it, right under its input, or after all of it. */
export type Slot = 'above' | 'input' | 'below';

/** One proposal at one place: the change itself, or one end of a move. */
export interface IShown {
  open: IOpen;
  part: 'change' | 'ghost' | 'from' | 'to';
}

export interface ISlot {
  cell: string;
  slot: Slot;
  shown: IShown[];
}

/**
 * Where the open proposals for one notebook are shown, given the ids of its cells. New cells take
 * the place they would get, also after cells that are only proposed. What names a cell that is gone
 * is in no slot.
 */
export function slotsOf(ids: readonly string[], open: readonly IOpen[]): ISlot[] {
  const slots = new Map<string, ISlot>();
  const put = (cell: string, slot: Slot, shown: IShown): void => {
    const key = `${slot} ${cell}`;
    const found = slots.get(key) ?? { cell, slot, shown: [] };
    found.shown.push(shown);
    slots.set(key, found);
  };
  const real = new Set(ids);
  const line: { id: string; ghost: IShown | null }[] = ids.map(id => ({ id, ghost: null }));
  for (const each of open) {
    const { target } = each.proposal.edit;
    if (target.type !== 'cell') {
      continue;
    }
    if (target.op === 'insert' || target.op === 'move') {
      const at = indexAt(line, target);
      const part = target.op === 'insert' ? 'ghost' : 'to';
      if (at !== null) {
        line.splice(at, 0, { id: part === 'ghost' ? target.cell : '', ghost: { open: each, part } });
      }
    }
    if (target.op !== 'insert' && real.has(target.cell)) {
      put(target.cell, 'input', { open: each, part: target.op === 'move' ? 'from' : 'change' });
    }
  }
  let last: string | null = null;
  const first = ids.at(0);
  for (const { id, ghost } of line) {
    if (!ghost) {
      last = id;
    } else if (last !== null) {
      put(last, 'below', ghost);
    } else if (first !== undefined) {
      put(first, 'above', ghost);
    }
  }
  return [...slots.values()];
}

function indexAt(line: readonly { id: string }[], { anchor, position }: CellTarget): number | null {
  if (anchor === null) {
    return position === 'before' ? 0 : line.length;
  }
  const index = line.findIndex(({ id }) => id === anchor);
  return index < 0 ? null : position === 'before' ? index : index + 1;
}

/** The order in which one walks through them: as they stand in the notebook, each edit once. */
export function walk(ids: readonly string[], slots: readonly ISlot[]): string[] {
  const rank: Record<Slot, number> = { above: 0, input: 1, below: 2 };
  const index = new Map(ids.map((id, i) => [id, i]));
  const sorted = [...slots].sort(
    (a, b) => (index.get(a.cell) ?? 0) - (index.get(b.cell) ?? 0) || rank[a.slot] - rank[b.slot]
  );
  const edits = sorted.flatMap(slot => slot.shown.map(shown => shown.open.proposal.edit.id));
  return [...new Set(edits)];
}
