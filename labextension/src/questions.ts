/** What an agent asks the person, as the conversation holds it. Pure. */
import type { QuestionAsked, QuestionSettled } from './protocol';
import type { IRun, Item } from './transcript';

export interface IQuestion {
  kind: 'question';
  key: string;
  agent: string;
  question: string;
  text: string;
  options: readonly string[];
  /** Seconds since the epoch after which it goes on without an answer; 0 where that is not known. */
  expires: number;
  status: 'open' | QuestionSettled['status'];
  answer: string;
}

/** The question that an event asks. */
export function questioned(event: QuestionAsked): IQuestion {
  return {
    kind: 'question',
    key: `question-${event.question}`,
    agent: event.agent,
    question: event.question,
    text: event.text,
    options: event.options,
    expires: event.expires,
    status: 'open',
    answer: ''
  };
}

/** Does it wait for the person's word: a question, or an action to be allowed? */
export function isAsking(item: Item): boolean {
  return (
    (item.kind === 'approval' && item.decision === 'pending') ||
    (item.kind === 'question' && item.status === 'open')
  );
}

/** The run with that question settled. */
export function questionSettled(run: IRun, event: QuestionSettled): IRun {
  const items = run.items.map(item =>
    item.kind === 'question' && item.question === event.question
      ? { ...item, status: event.status, answer: event.answer }
      : item
  );
  return { ...run, items };
}
