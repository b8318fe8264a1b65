/** Pieces of cells that the person wants the next message to be about. Nothing here knows of views. */
import type { Attachment, Prompt, Target } from './protocol';

/** The most characters of one piece: more is better said by naming the cell. */
export const QUOTE_LIMIT = 20_000;

export interface IQuote {
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

/** The pieces waiting for the next message; views subscribe. */
export class Quotes {
  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  readonly getSnapshot = (): readonly IQuote[] => this._list;

  /** Add a piece; the same lines of the same cell take the place of those added before. */
  add(quote: IQuote): void {
    const others = this._list.filter(each => !isSamePlace(each, quote));
    this._set([...others, quote]);
  }

  remove(quote: IQuote): void {
    this._set(this._list.filter(each => each !== quote));
  }

  clear(): void {
    this._set([]);
  }

  private _set(list: readonly IQuote[]): void {
    this._list = list;
    this._listeners.forEach(listener => {
      listener();
    });
  }

  private _list: readonly IQuote[] = [];
  private _listeners = new Set<() => void>();
}

/** What a message with these pieces is made of. */
export function withQuotes(
  text: string,
  quotes: readonly IQuote[]
): { text: string; intent: Prompt['intent']; attachments: Attachment[]; target: Target | undefined } {
  const cells = [...new Set(quotes.flatMap(({ target }) => target.cell ?? []))];
  return {
    text: [text, ...quotes.map(quoted)].join('\n\n'),
    intent: quotes.find(({ intent }) => intent !== 'auto')?.intent ?? 'auto',
    attachments: cells.map(name => ({ kind: 'cell', name })),
    target: quotes.at(-1)?.target
  };
}

function quoted({ target, number, from, to, text, language }: IQuote): string {
  const lines = from === to ? `line ${from}` : `lines ${from} to ${to}`;
  const runs = [...text.matchAll(/`+/g)].map(match => match[0].length);
  const fence = '`'.repeat(Math.max(3, ...runs.map(length => length + 1)));
  return `Cell ${number} (id ${target.cell ?? '?'}), ${lines}:\n${fence}${language}\n${text}\n${fence}`;
}

function isSamePlace(one: IQuote, other: IQuote): boolean {
  const { target, from, to } = one;
  return (
    target.notebook === other.target.notebook &&
    target.cell === other.target.cell &&
    from === other.from &&
    to === other.to
  );
}
