/** What the person wants the next message to be about besides its words. Nothing here knows of views. */
import type { Attachment, Prompt, Target } from './protocol';
import { line } from './text';

/** The most characters of one selection: more is better said by naming the cell. */
export const QUOTE_LIMIT = 20_000;

/** Lines of a cell; they go along as text. */
export interface IQuote {
  kind: 'lines';
  target: Target;
  /** The cell's number, counted from 1, as the person sees it. */
  number: number;
  /** First and last line, counted from 1. */
  from: number;
  to: number;
  text: string;
  language: string;
  intent: Prompt['intent'];
}

/** Something the server looks at itself. */
export interface IAttached {
  kind: Attachment['kind'];
  name: string;
  /** What the person knows it by. */
  label: string;
  /** Where a cell or its outputs are. */
  target?: Target;
}

/** A file of the person's own machine; its text goes along. */
export interface IDropped {
  kind: 'text';
  name: string;
  text: string;
}

export type Piece = IQuote | IAttached | IDropped;

/** The pieces waiting for the next message; views subscribe. */
export class Quotes {
  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  readonly getSnapshot = (): readonly Piece[] => this._list;

  /** Add a piece; it takes the place of one that is the same, or the same lines, added before. */
  add(piece: Piece): void {
    const key = keyOf(piece);
    this._set([...this._list.filter(each => keyOf(each) !== key), piece]);
  }

  remove(piece: Piece): void {
    this._set(this._list.filter(each => each !== piece));
  }

  clear(): void {
    this._set([]);
  }

  private _set(list: readonly Piece[]): void {
    this._list = list;
    this._listeners.forEach(listener => {
      listener();
    });
  }

  private _list: readonly Piece[] = [];
  private _listeners = new Set<() => void>();
}

/** What tells one piece from another. */
export function keyOf(piece: Piece): string {
  if (piece.kind === 'lines') {
    const { target, from, to } = piece;
    return JSON.stringify(['lines', target.notebook, target.cell, from, to]);
  }
  return JSON.stringify([piece.kind, piece.name]);
}

/** The notebook in which the server looks for cells and outputs: a message has one. */
export function notebookOf(pieces: readonly Piece[]): string | null {
  return pieces.flatMap(piece => placeOf(piece)?.notebook ?? []).at(-1) ?? null;
}

/** What a message with these pieces is made of. */
export function withQuotes(
  text: string,
  pieces: readonly Piece[]
): { text: string; intent: Prompt['intent']; attachments: Attachment[]; target: Target | undefined } {
  const quotes = pieces.filter(piece => piece.kind === 'lines');
  const attachments = new Map<string, Attachment>();
  for (const piece of pieces) {
    if (piece.kind === 'lines' && piece.target.cell) {
      attachments.set(`cell ${piece.target.cell}`, { kind: 'cell', name: piece.target.cell });
    } else if (piece.kind !== 'lines' && piece.kind !== 'text') {
      attachments.set(`${piece.kind} ${piece.name}`, { kind: piece.kind, name: piece.name });
    }
  }
  return {
    text: [text, ...pieces.flatMap(told), ...named(pieces)].join('\n\n'),
    intent: quotes.find(({ intent }) => intent !== 'auto')?.intent ?? 'auto',
    attachments: [...attachments.values()],
    target: pieces.flatMap(piece => placeOf(piece) ?? []).at(-1)
  };
}

function placeOf(piece: Piece): Target | undefined {
  return piece.kind === 'text' ? undefined : piece.target;
}

/** What the server looks at is named as well: the conversation shows what went along. */
function named(pieces: readonly Piece[]): string[] {
  const names = pieces.flatMap(piece =>
    piece.kind === 'lines' || piece.kind === 'text' ? [] : [`${piece.kind} ${line(piece.label, 80)}`]
  );
  return names.length ? [`With ${names.join(', ')}.`] : [];
}

function told(piece: Piece): string[] {
  if (piece.kind === 'text') {
    return [`File ${piece.name}, from my machine:\n${fenced(piece.text.replace(/\n$/, ''), '')}`];
  }
  if (piece.kind !== 'lines') {
    return [];
  }
  const { target, number, from, to, text, language } = piece;
  const lines = from === to ? `line ${from}` : `lines ${from} to ${to}`;
  return [`Cell ${number} (id ${target.cell ?? '?'}), ${lines}:\n${fenced(text, language)}`];
}

function fenced(text: string, language: string): string {
  const runs = [...text.matchAll(/`+/g)].map(match => match[0].length);
  const fence = '`'.repeat(runs.reduce((longest, length) => Math.max(longest, length + 1), 3));
  return `${fence}${language}\n${text}\n${fence}`;
}
