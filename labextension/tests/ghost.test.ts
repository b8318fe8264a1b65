import type { CompletionHandler, IInlineCompletionContext } from '@jupyterlab/completer';
import { InlineCompletionTriggerKind } from '@jupyterlab/completer';
import { Text } from '@jupyterlab/coreutils';
import { Widget } from '@lumino/widgets';
import { expect, test, vi } from 'vitest';

import { RequestError } from '../src/client';
import { GhostText, nearest, requestAt } from '../src/ghost';
import type { IProblem } from '../src/problems';
import type { Completion, CompletionRequest } from '../src/protocol';

const widget = new Widget();

/** A stretch of typing: what was asked, what was told, and a clock that the test moves. */
class Typing {
  readonly asked: { request: CompletionRequest; signal: AbortSignal }[] = [];
  readonly told: (IProblem | null)[] = [];
  now = 1_000_000;
  answer: (signal: AbortSignal) => Promise<Completion> = () => Promise.resolve(said('1'));

  readonly ghost = new GhostText({
    complete: (request, signal) => {
      this.asked.push({ request, signal });
      return this.answer(signal);
    },
    tell: problem => {
      this.told.push(problem);
    },
    now: () => this.now
  });

  async type(text: string, kind = InlineCompletionTriggerKind.Automatic): Promise<string[]> {
    const context: IInlineCompletionContext = { widget, triggerKind: kind };
    const { items } = await this.ghost.fetch(at(text), context);
    return items.map(({ insertText }) => insertText);
  }
}

function said(text: string, off = false): Completion {
  return { text, model: 'm', off };
}

function at(text: string, offset = Text.jsIndexToCharIndex(text.length, text), mimeType = 'text/x-python'): CompletionHandler.IRequest {
  return { text, offset, mimeType };
}

test('what is around the cursor is asked, and the answer is offered', async () => {
  const typing = new Typing();
  expect(await typing.type('x = ')).toEqual(['1']);
  expect(typing.asked[0].request).toEqual({ prefix: 'x = ', suffix: '', language: 'python', earlier: [] });
  typing.answer = () => Promise.resolve(said(''));
  expect(await typing.type('x = 1')).toEqual([]);
});

test('the text is cut at the cursor, whatever characters stand before, and never within one', () => {
  expect(requestAt(at('😀 = 1 # tail', 4), widget, null)).toMatchObject({ prefix: '😀 = ', suffix: '1 # tail' });
  const long = requestAt(at('😀'.repeat(3001) + 'x', 3001), widget, null);
  expect(long?.prefix).toBe('😀'.repeat(3000));
  const odd = requestAt(at('a' + '😀'.repeat(3000) + 'bc' + '😀'.repeat(2000), 3002), widget, null);
  expect(odd?.prefix).toBe('😀'.repeat(2999) + 'b');
  expect(odd?.suffix).toBe('c' + '😀'.repeat(999));
});

test.each(['text/plain', 'application/json', 'text/x-yaml', 'text/csv', undefined])(
  'nothing is asked in a file of %s',
  mime => {
    expect(requestAt({ ...at('KEY=abc'), mimeType: mime }, widget, null)).toBeNull();
  }
);

test('nothing is asked before the first letter', () => {
  expect(requestAt(at(' \n'), widget, null)).toBeNull();
});

test('a newer request gives up the older one', async () => {
  const typing = new Typing();
  typing.answer = signal =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(new RequestError({ code: 'connection', message: 'aborted', hint: '' }, 0));
      });
    });
  const first = typing.type('x');
  typing.answer = () => Promise.resolve(said('2'));
  expect(await typing.type('x =')).toEqual(['2']);
  expect(await first).toEqual([]);
  expect(typing.asked.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  expect(typing.told).toEqual([]); // giving up is no failure
});

test('where nobody chose a model, nothing is asked for a while, but by hand', async () => {
  const typing = new Typing();
  typing.answer = () => Promise.resolve(said('', true));
  expect(await typing.type('a')).toEqual([]);
  await typing.type('ab');
  expect(typing.asked).toHaveLength(1);
  expect(typing.told).toEqual([]);
  await typing.type('ab', InlineCompletionTriggerKind.Invoke);
  expect(typing.asked).toHaveLength(2);
  expect(typing.told).toEqual([null]);
  typing.now += 300_001;
  await typing.type('abc');
  expect(typing.asked).toHaveLength(3);
});

test('a failure is told once, and again only after it went well in between', async () => {
  const typing = new Typing();
  const failing = vi.fn(() => Promise.reject(new RequestError({ code: 'model', message: 'No.', hint: '' }, 502)));
  typing.answer = failing;
  await typing.type('a');
  await typing.type('ab');
  expect(failing).toHaveBeenCalledTimes(1); // it rests
  typing.now += 30_001;
  await typing.type('abc');
  expect(failing).toHaveBeenCalledTimes(2);
  expect(typing.told.map(each => each?.message)).toEqual(['No.']);
  typing.now += 30_001;
  typing.answer = () => Promise.resolve(said('1'));
  expect(await typing.type('abcd')).toEqual(['1']);
  typing.answer = failing;
  await typing.type('abcde');
  expect(typing.told).toHaveLength(2);
});

test('of the cells above, the nearest are sent, in their order', () => {
  expect(nearest(['a', '', 'b'])).toEqual(['a', 'b']);
  expect(nearest(['far', 'x'.repeat(3990), 'y'.repeat(9)])).toEqual(['r', 'x'.repeat(3990), 'y'.repeat(9)]);
  expect(nearest(['z'.repeat(5000)])).toEqual(['z'.repeat(4000)]);
});
