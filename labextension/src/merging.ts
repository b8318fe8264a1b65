/** The choices of a notebook that git could not merge. Knows nothing of React, of Lab or of the network. */
import { presentableDiff } from '@codemirror/merge';

import type { MergeConflict, MergeView } from './protocol';

export type Side = 'ours' | 'theirs' | 'both' | 'base';

/** By number of conflict. */
export type Choices = Readonly<Record<number, Side>>;

/** Whether a file's text holds git's conflict markers, at both ends. */
export function hasMarkers(text: string): boolean {
  return /^<{7}( |\r?$)/m.test(text) && /^>{7}( |\r?$)/m.test(text);
}

/** What can be chosen, in the order of the columns; both where both can be kept. */
export function sidesOf(conflict: MergeConflict): Side[] {
  return conflict.both ? ['base', 'ours', 'theirs', 'both'] : ['base', 'ours', 'theirs'];
}

/** One side for each conflict that can have it; the others keep what was chosen. */
export function takeAll(view: MergeView, side: Side, choices: Choices): Choices {
  const taken = view.conflicts.filter(conflict => sidesOf(conflict).includes(side));
  return { ...choices, ...Object.fromEntries(taken.map(({ number }) => [number, side])) };
}

/** The conflicts without a choice. */
export function openOf(view: MergeView, choices: Choices): MergeConflict[] {
  return view.conflicts.filter(({ number }) => !(number in choices));
}

export interface IPiece {
  text: string;
  changed: boolean;
}

/** A side's text in pieces that are as in the ancestor, and pieces that are not. */
export function piecesOf(base: string, text: string): IPiece[] {
  if (base === '' || text === '') {
    return text === '' ? [] : [{ text, changed: false }];
  }
  const pieces: IPiece[] = [];
  let next = 0;
  for (const { fromB, toB } of presentableDiff(base, text)) {
    pieces.push({ text: text.slice(next, fromB), changed: false });
    pieces.push({ text: text.slice(fromB, toB), changed: true });
    next = toB;
  }
  pieces.push({ text: text.slice(next), changed: false });
  return pieces.filter(piece => piece.text !== '');
}

/** What a side added, beside what the other one added there; marked only where the two are much the same. */
export function addedPieces(other: string, text: string): IPiece[] {
  const pieces = piecesOf(other, text);
  const changed = pieces.reduce((sum, piece) => sum + (piece.changed ? piece.text.length : 0), 0);
  return changed * 2 > text.length ? piecesOf('', text) : pieces;
}
