/** Where one writes: the text, what it is about, who answers, and Send or Stop. */
import { closeIcon, stopIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { PROMPT_LIMIT } from '../problems';
import type { IQuote } from '../quotes';
import { withQuotes } from '../quotes';
import { clip, line } from '../text';
import { Button, CommandButton } from './button';
import { usePages, usePanel, useSession } from './context';
import { baseName } from './format';
import { sendIcon } from './icons';
import { ModelMenu } from './models';

export interface IComposerProps {
  /** Set by the panel: puts the cursor into the text. */
  focuser: React.MutableRefObject<(() => void) | null>;
  modelOpener: React.MutableRefObject<(() => void) | null>;
}

export function Composer({ focuser, modelOpener }: IComposerProps): React.JSX.Element {
  const { session, trans } = usePanel();
  const { pages } = usePages();
  const text = React.useSyncExternalStore(pages.subscribe, pages.getDraft);
  const setText = (now: string): void => {
    pages.write(now);
  };
  const area = React.useRef<HTMLTextAreaElement>(null);
  const isRunning = useSession(snapshot => snapshot.transcript.running !== null);
  const isSending = useSession(snapshot => snapshot.sending !== null);
  const quotes = React.useSyncExternalStore(session.quotes.subscribe, session.quotes.getSnapshot);
  const isEdit = quotes.some(({ intent }) => intent === 'edit');
  focuser.current = () => area.current?.focus();
  useGrowing(area, text);

  const send = (): void => {
    if (!text.trim() || isRunning || isSending) {
      return;
    }
    setText('');
    session.quotes.clear();
    pages.show('chat');
    const { text: whole, ...options } = withQuotes(text, quotes);
    void session.submit(whole, options).then(isTaken => {
      if (!isTaken) {
        setText(pages.getDraft() || text);
        quotes.forEach(quote => {
          session.quotes.add(quote);
        });
      }
    });
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      send();
    }
  };

  return (
    <form
      className="codemad-composer"
      onSubmit={event => {
        event.preventDefault();
        send();
      }}
    >
      {quotes.length > 0 && <QuoteList quotes={quotes} />}
      <textarea
        ref={area}
        className="codemad-input"
        rows={1}
        value={text}
        aria-label={trans.__('Message to CodeMAD')}
        placeholder={
          isRunning
            ? trans.__('Working…')
            : isEdit
              ? trans.__('Say what to change in the selection')
              : trans.__('Ask, or say what to change')
        }
        onChange={event => {
          setText(event.target.value);
        }}
        onKeyDown={onKeyDown}
      />
      {text.length > PROMPT_LIMIT && (
        <p className="codemad-too-long" role="alert">
          {trans.__(
            '%1 characters: at most %2 can be sent. Save long text as a file and name the file.',
            text.length.toLocaleString(),
            PROMPT_LIMIT.toLocaleString()
          )}
        </p>
      )}
      <div className="codemad-composer-line">
        <Place />
        <ModelMenu opener={modelOpener} />
        {isRunning ? (
          <CommandButton
            kind="primary"
            icon={stopIcon}
            label={trans.__('Stop')}
            className="codemad-send"
            onClick={() => session.cancel()}
          />
        ) : (
          <Button
            kind="primary"
            icon={sendIcon}
            label={trans.__('Send')}
            className="codemad-send"
            disabled={!text.trim() || isSending || text.length > PROMPT_LIMIT}
            onClick={send}
          />
        )}
      </div>
    </form>
  );
}

/** The selections that go with the message, each with a button to leave it out. */
function QuoteList({ quotes }: { quotes: readonly IQuote[] }): React.JSX.Element {
  const { session, trans } = usePanel();
  return (
    <ul className="codemad-quotes" aria-label={trans.__('Goes with your message')}>
      {quotes.map(quote => {
        const { number, from, to, text } = quote;
        const place =
          from === to
            ? trans.__('Cell %1, line %2', number.toString(), from.toString())
            : trans.__('Cell %1, lines %2–%3', number.toString(), from.toString(), to.toString());
        return (
          <li key={`${place} ${text}`} className="codemad-quote" title={clip(text, 500)}>
            <span className="codemad-quote-place">{place}</span>
            <code className="codemad-quote-text">{line(text, 80)}</code>
            <Button
              kind="quiet"
              icon={closeIcon}
              label={trans.__('Leave out %1', place)}
              onClick={() => {
                session.quotes.remove(quote);
              }}
            />
          </li>
        );
      })}
    </ul>
  );
}

/** What a prompt is about: the notebook and cell in front. */
function Place(): React.JSX.Element {
  const { notebooks, trans } = usePanel();
  const text = React.useSyncExternalStore(
    React.useCallback(
      listen => {
        notebooks.changed.connect(listen);
        return () => notebooks.changed.disconnect(listen);
      },
      [notebooks]
    ),
    () => {
      const { active, activeCell } = notebooks;
      if (!active) {
        return '';
      }
      return activeCell ? trans.__('%1, cell %2', baseName(active), activeCell.toString()) : baseName(active);
    }
  );
  return (
    <span className="codemad-place" title={text && trans.__('Your message is about %1', text)}>
      <span className="codemad-place-name">{text}</span>
    </span>
  );
}

/** As high as its text, up to what the style allows. */
function useGrowing(area: React.RefObject<HTMLTextAreaElement>, text: string): void {
  React.useLayoutEffect(() => {
    const node = area.current;
    if (node) {
      node.style.height = 'auto';
      node.style.height = `${node.scrollHeight}px`;
    }
  }, [area, text]);
}
