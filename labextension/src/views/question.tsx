/** What an agent wants to know from the person: the options, an answer of their own, or none. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IQuestion } from '../questions';
import { line, plain } from '../text';
import { CommandButton } from './button';
import { usePanel } from './context';

function QuestionCardContent({ item }: { item: IQuestion }): React.JSX.Element {
  const { owner, trans } = usePanel();
  const isOpen = item.status === 'open';
  return (
    <section className="codemad-card codemad-question" aria-label={trans.__('A question for you')}>
      <header className="codemad-card-header">
        <span className="codemad-card-title">{trans.__('A question for you')}</span>
        {!isOpen && <span className="codemad-badge">{ended(item, trans)}</span>}
      </header>
      <p className="codemad-question-text">{plain(item.text)}</p>
      {isOpen && owner === undefined && <Answers item={item} />}
      {item.answer && !isOpen && <p className="codemad-question-answer">{plain(item.answer)}</p>}
    </section>
  );
}

export const QuestionCard = React.memo(QuestionCardContent);

function Answers({ item }: { item: IQuestion }): React.JSX.Element {
  const { session, trans } = usePanel();
  const [text, setText] = React.useState('');
  const answer = (said: string | null): Promise<void> => session.answer(item.question, said);
  return (
    <form
      className="codemad-question-form"
      onSubmit={event => {
        event.preventDefault();
        if (text.trim()) {
          void answer(text);
        }
      }}
    >
      {item.options.length > 0 && (
        <div className="codemad-card-actions">
          {item.options.map(option => (
            <CommandButton key={option} onClick={() => answer(option)}>
              {line(option)}
            </CommandButton>
          ))}
        </div>
      )}
      <input
        className="jp-mod-styled"
        value={text}
        aria-label={trans.__('Your answer')}
        placeholder={item.options.length ? trans.__('Or write something else') : trans.__('Your answer')}
        onChange={event => {
          setText(event.target.value);
        }}
      />
      <div className="codemad-card-actions">
        <CommandButton kind="primary" disabled={!text.trim()} onClick={() => answer(text)}>
          {trans.__('Answer')}
        </CommandButton>
        <CommandButton kind="quiet" onClick={() => answer(null)}>
          {trans.__('Skip')}
        </CommandButton>
      </div>
    </form>
  );
}

function ended(item: IQuestion, trans: TranslationBundle): string {
  const texts = {
    open: '',
    answered: trans.__('answered'),
    declined: trans.__('skipped'),
    expired: trans.__('not answered')
  };
  return texts[item.status];
}
