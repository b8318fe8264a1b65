import { expect, test } from 'vitest';

import { isAsking } from '../src/questions';
import { reduce } from '../src/reduce';
import type { IRun, ITranscript } from '../src/transcript';
import { emptyTranscript, waiting } from '../src/transcript';
import { Log, SESSION } from './events';

function asking(): Log {
  return new Log()
    .start()
    .tell({ type: 'question_asked', question: 'q1', text: 'Which?', options: ['a', 'b'], expires: 9 });
}

function after(log: Log): ITranscript {
  return log.events.reduce(reduce, emptyTranscript(SESSION));
}

function runIn(state: ITranscript): IRun {
  return state.entries.find(entry => entry.kind === 'run')!;
}

test('a question waits for the person until it is answered', () => {
  const open = after(asking());
  expect(waiting(open).approvals).toBe(1);
  const [item] = runIn(open).items;
  expect(isAsking(item)).toBe(true);
  const log = asking().tell({ type: 'question_settled', question: 'q1', status: 'answered', answer: 'b' });
  const [settled] = runIn(after(log)).items;
  expect(settled).toMatchObject({ kind: 'question', status: 'answered', answer: 'b' });
  expect(waiting(after(log)).approvals).toBe(0);
});

test('a question that nobody answered ends with its run', () => {
  const state = after(asking().finish());
  expect(runIn(state).items[0]).toMatchObject({ status: 'expired' });
  expect(waiting(state).approvals).toBe(0);
});
