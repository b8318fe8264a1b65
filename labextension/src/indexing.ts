/** How far the search index of the folder is, as a view shows it: pure, from what the server says. */
import type { IndexStatus } from './protocol';

type State = IndexStatus['state'];

const WORKING: readonly State[] = ['looking', 'reading', 'joining', 'embedding'];
/** Milliseconds until the server is asked again: while it works, and while nothing is expected. */
const SOON = 1_000;
const LATER = 10_000;

export interface IProgress {
  done: number;
  total: number;
  /** From 0 to 100. */
  percent: number;
}

/** How much of what is being done is done; null where that cannot be counted. */
export function progressOf({ state, done, total }: IndexStatus): IProgress | null {
  if (!WORKING.includes(state) || total <= 0) {
    return null;
  }
  const counted = Math.min(Math.max(done, 0), total);
  return { done: counted, total, percent: Math.floor((100 * counted) / total) };
}

export function isWorking({ state }: IndexStatus): boolean {
  return WORKING.includes(state);
}

/** When to ask again. */
export function pauseOf(status: IndexStatus | null): number {
  return status && isWorking(status) ? SOON : LATER;
}

/** How many files are left out, and the reasons, most frequent first. */
export function leftOut(status: IndexStatus): { count: number; reasons: IndexStatus['left_out'] } {
  const reasons = [...status.left_out].sort((a, b) => b.count - a.count || a.reason.localeCompare(b.reason));
  return { count: reasons.reduce((sum, { count }) => sum + count, 0), reasons };
}
