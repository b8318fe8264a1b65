/**
 * Names after `@` and commands after `/` while one writes: where one begins, and how it is written so that the
 * server finds it.
 */
import type { Mention } from './protocol';

/** The name that is being written: its place in the text, and what to look for. */
export interface IToken {
  start: number;
  end: number;
  query: string;
}

/* As the server reads them: not within a word, an address or a decorator's dots. */
const BEGUN =
  /(?<![\p{L}\p{N}_@.`/])@((?:file|cell|var|variable|session):)?("[^"\n]{0,400}|[\p{L}\p{N}_./\\-]{0,400})$/u;
/* A command stands at the very beginning. */
const COMMAND = /^\/[A-Za-z0-9_-]{0,40}$/;
const BARE = /^[\p{L}\p{N}_][\p{L}\p{N}_./\\-]{0,399}$/u;
const QUOTABLE = /^[^"\n]{1,400}$/;

/** The name that ends at the cursor; null where none is being written. */
export function tokenAt(text: string, caret: number): IToken | null {
  const begun = text.slice(0, caret);
  if (COMMAND.test(begun)) {
    return { start: 0, end: caret, query: begun };
  }
  const line = text.lastIndexOf('\n', caret - 1) + 1;
  // What stands before is looked at too: a mail address is none.
  const found = BEGUN.exec(text.slice(Math.max(line, caret - 420), caret));
  if (!found) {
    return null;
  }
  const [whole, kind = '', name] = found;
  return { start: caret - whole.length, end: caret, query: kind + name.replace(/^"/, '') };
}

/** How a suggestion is written; null where no spelling of its name could be read back. */
export function written({ kind, name }: Mention): string | null {
  if (kind === 'command') {
    return `/${name}`;
  }
  const prefix = kind === 'variable' ? 'var' : kind;
  if (BARE.test(name) && !/[./\\-]$/.test(name)) {
    return `@${prefix}:${name}`;
  }
  return QUOTABLE.test(name) ? `@${prefix}:"${name}"` : null;
}

/** The text with a token replaced, and where the cursor goes. */
export function replaced(text: string, { start, end }: IToken, by: string): { text: string; caret: number } {
  const rest = text.slice(end).replace(/^[\p{L}\p{N}_./\\-]*"?/u, '');
  const gap = by && !/^\s/.test(rest) ? ' ' : '';
  const head = text.slice(0, start) + by;
  return { text: head + gap + rest, caret: head.length + (by ? 1 : 0) };
}
