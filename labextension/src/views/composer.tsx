/** Where one writes: the text, what it is about, who answers, and Send or Stop. */
import { stopIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { PROMPT_LIMIT } from '../problems';
import { withQuotes } from '../quotes';
import { Button, CommandButton } from './button';
import { usePages, usePanel, useSession } from './context';
import { useDrops } from './dropping';
import { baseName } from './format';
import { sendIcon } from './icons';
import { useMentions } from './mentions';
import { ModelMenu } from './models';
import { StandingLine } from './standing';
import { PieceList } from './pieces';

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
  const isEdit = quotes.some(piece => piece.kind === 'lines' && piece.intent === 'edit');
  const mentions = useMentions(area, text, setText);
  const form = React.useRef<HTMLFormElement>(null);
  const { isOver, refused, forget } = useDrops(form);
  focuser.current = () => area.current?.focus();
  useGrowing(area, text);

  const steer = (): void => {
    setText('');
    mentions.close();
    void session.steer(text).then(isTaken => {
      if (!isTaken) {
        setText(pages.getDraft() || text);
      }
    });
  };
  const send = (): void => {
    if (!text.trim() || isSending) {
      return;
    }
    if (isRunning) {
      steer();
      return;
    }
    setText('');
    mentions.close();
    forget();
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
    if (mentions.onKey(event)) {
      return;
    }
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      send();
    }
  };

  return (
    <form
      ref={form}
      className={`codemad-composer ${isOver ? 'codemad-drop-here' : ''}`}
      onSubmit={event => {
        event.preventDefault();
        send();
      }}
    >
      {mentions.list}
      {isOver && <div className="codemad-drop-word">{trans.__('Drop it to ask about it')}</div>}
      {refused.map(word => (
        <p key={word} className="codemad-refused" role="alert">
          {word}
        </p>
      ))}
      {quotes.length > 0 && <PieceList pieces={quotes} />}
      <textarea
        ref={area}
        className="codemad-input"
        rows={1}
        value={text}
        aria-label={trans.__('Message to CodeMAD')}
        placeholder={
          isRunning
            ? trans.__('Working… Say here what it should know')
            : isEdit
              ? trans.__('Say what to change in the selection')
              : trans.__('Ask, or say what to change')
        }
        {...mentions.aria}
        onChange={event => {
          setText(event.target.value);
          forget();
          if (!(event.nativeEvent as InputEvent).isComposing) {
            mentions.follow();
          }
        }}
        onCompositionEnd={mentions.follow}
        onSelect={mentions.follow}
        onBlur={mentions.close}
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
        {isRunning && text.trim() && (
          <Button
            icon={sendIcon}
            label={trans.__('Say it to the run: it is read before the next step')}
            className="codemad-send"
            onClick={send}
          />
        )}
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
      <StandingLine />
    </form>
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
