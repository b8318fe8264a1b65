/** The list of what happened, newest at the bottom; stays there while it grows, unless one scrolled up. */
import { caretDownIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { entriesHere } from '../branching';
import { clip } from '../text';
import type { Entry, ITranscript } from '../transcript';
import { Icon } from './button';
import { CommentView } from './comment';
import { usePanel, useSession } from './context';
import { Empty } from './empty';
import { RememberedView } from './remembered';
import { NoteView, RestoredView, RunView } from './run';

/** Pixels from the bottom that still count as being there. */
const NEAR = 40;

export function Transcript({ openModels }: { openModels: () => void }): React.JSX.Element {
  const { owner, trans } = usePanel();
  const transcript = useSession(snapshot => snapshot.transcript);
  const phase = useSession(snapshot => snapshot.phase);
  const sending = useSession(snapshot => snapshot.sending);
  const { log, isAtEnd, toEnd } = useEnd(transcript.session);
  const redoable = lastRun(transcript);
  const entries = entriesHere(transcript.entries);
  const isEmpty = entries.length === 0 && sending === null;
  return (
    <div className="codemad-transcript">
      <div
        ref={log}
        className="codemad-log"
        role="log"
        aria-live="polite"
        aria-label={trans.__('Conversation')}
        tabIndex={0}
      >
        <div className="codemad-entries">
          {entries.map(entry => (
            <EntryView key={entry.key} entry={entry} redoable={entry.key === redoable} />
          ))}
          {sending !== null && (
            <div className="codemad-prompt codemad-prompt-sending">
              <div className="codemad-prompt-text">{clip(sending, 2000)}</div>
            </div>
          )}
          {isEmpty && phase === 'ready' && owner === undefined && <Empty openModels={openModels} />}
          {isEmpty && (phase === 'loading' || phase === 'replaying') && (
            <div className="codemad-loading">
              <span className="codemad-spinner" aria-hidden="true" />
              {trans.__('Loading…')}
            </div>
          )}
        </div>
      </div>
      {!isAtEnd && (
        <button
          type="button"
          className="codemad-to-end"
          title={trans.__('To the newest message')}
          aria-label={trans.__('To the newest message')}
          onClick={toEnd}
        >
          <Icon of={caretDownIcon} />
        </button>
      )}
    </div>
  );
}

function EntryView({ entry, redoable }: { entry: Entry; redoable: boolean }): React.JSX.Element {
  switch (entry.kind) {
    case 'run':
      return <RunView run={entry} redoable={redoable} />;
    case 'note':
      return <NoteView note={entry} />;
    case 'memory':
      return <RememberedView item={entry} />;
    case 'comment':
      return <CommentView comment={entry} />;
    case 'restored':
      return <RestoredView entry={entry} />;
  }
}

/** The run that carries the Redo button: the last of those that went away together. */
function lastRun({ redoable, entries }: ITranscript): string | null {
  const group = redoable.at(-1) ?? [];
  const found = entries.filter(entry => entry.kind === 'run' && entry.undone && group.includes(entry.id));
  return found.at(-1)?.key ?? null;
}

interface IEnd {
  log: React.RefObject<HTMLDivElement>;
  isAtEnd: boolean;
  toEnd: () => void;
}

/** Follows the end of the log as its content grows, for as long as the person stays there. */
function useEnd(session: string): IEnd {
  const log = React.useRef<HTMLDivElement>(null);
  const follows = React.useRef(true);
  const [isAtEnd, setAtEnd] = React.useState(true);
  const toEnd = React.useCallback(() => {
    follows.current = true;
    setAtEnd(true);
    if (log.current) {
      log.current.scrollTop = log.current.scrollHeight;
    }
  }, []);

  React.useEffect(() => {
    const node = log.current;
    const content = node?.firstElementChild;
    if (!node || !content) {
      return;
    }
    const observer = new ResizeObserver(() => {
      if (follows.current) {
        node.scrollTop = node.scrollHeight;
      }
    });
    observer.observe(content);
    observer.observe(node);
    let last = node.scrollTop;
    const onScroll = (): void => {
      const distance = node.scrollHeight - node.scrollTop - node.clientHeight;
      // Growing content moves the end away without anybody scrolling: only going up ends the following.
      if (distance <= NEAR) {
        follows.current = true;
      } else if (node.scrollTop < last) {
        follows.current = false;
      }
      last = node.scrollTop;
      setAtEnd(follows.current);
    };
    node.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      node.removeEventListener('scroll', onScroll);
    };
  }, []);
  React.useEffect(toEnd, [session, toEnd]);
  return { log, isAtEnd, toEnd };
}
