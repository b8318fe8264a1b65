/** The list under `@` and `/`: what can be pointed at, fed by the server while one types. */
import React from 'react';

import type { IToken } from '../mention';
import { replaced, tokenAt, written } from '../mention';
import { problemOf } from '../problems';
import type { Mention } from '../protocol';
import { line } from '../text';
import { usePages, usePanel } from './context';

/** Milliseconds after which is asked, and asked again: a kernel may take a moment to tell its names. */
const ASKED_AFTER = [80, 500, 1500];

export interface IMentions {
  /** The list, where there is one. */
  list: React.ReactNode;
  /** What the text field says of it. */
  aria: React.AriaAttributes & { role?: 'combobox' };
  /** Look at the text and the cursor anew. */
  follow: () => void;
  close: () => void;
  /** True when the key was for the list. */
  onKey: (event: React.KeyboardEvent) => boolean;
}

export function useMentions(
  area: React.RefObject<HTMLTextAreaElement>,
  text: string,
  write: (text: string) => void
): IMentions {
  const { session, trans } = usePanel();
  const id = React.useId();
  const [token, setToken] = React.useState<IToken | null>(null);
  const [active, setActive] = React.useState<string | null>(null);
  const dismissed = React.useRef<number | null>(null);
  const caret = React.useRef<number | null>(null);
  const { found, problem } = useFound(token?.query ?? null);
  const at = Math.max(
    0,
    found.findIndex(each => keyOf(each) === active)
  );
  const isOpen = token !== null && (found.length > 0 || problem !== '');

  const follow = (): void => {
    const node = area.current;
    const isCaret = node !== null && node.selectionStart === node.selectionEnd;
    const now = isCaret ? tokenAt(node.value, node.selectionStart) : null;
    if (now?.start !== dismissed.current) {
      dismissed.current = null;
    }
    const next = dismissed.current === null ? now : null;
    setToken(last => (last?.query === next?.query && last?.end === next?.end ? last : next));
    if (next?.query !== token?.query) {
      setActive(null);
    }
  };
  const close = (): void => {
    setToken(null);
  };
  const choose = (mention: Mention): void => {
    if (!token) {
      return;
    }
    const name = written(mention);
    if (name === null && mention.kind !== 'command') {
      session.quotes.add({ kind: mention.kind, name: mention.name, label: mention.label });
    }
    const next = replaced(text, token, name ?? '');
    caret.current = next.caret;
    write(next.text);
    close();
  };
  React.useLayoutEffect(() => {
    if (caret.current !== null) {
      area.current?.focus();
      area.current?.setSelectionRange(caret.current, caret.current);
      caret.current = null;
    }
  }, [area, text]);

  const onKey = (event: React.KeyboardEvent): boolean => {
    if (!isOpen || event.nativeEvent.isComposing) {
      return false;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && found.length) {
      setActive(keyOf(found[(at + step + found.length) % found.length]));
    } else if (event.key === 'Escape') {
      dismissed.current = token.start;
      close();
    } else if (event.key === 'Enter' && found.length && token.query === written(found[at])) {
      return false; // a command that is written out is sent
    } else if (['Enter', 'Tab'].includes(event.key) && !event.shiftKey && found.length) {
      choose(found[at]);
    } else {
      return false;
    }
    event.preventDefault();
    event.stopPropagation();
    return true;
  };

  const list = isOpen && (
    <div className="codemad-mentions">
      <ul
        id={id}
        role="listbox"
        aria-label={token.query.startsWith('/') ? trans.__('Commands') : trans.__('Point at')}
        className="codemad-mention-list"
      >
        {found.map((mention, index) => (
          <Option
            key={keyOf(mention)}
            id={`${id}-${index}`}
            mention={mention}
            isActive={index === at}
            choose={() => {
              choose(mention);
            }}
          />
        ))}
      </ul>
      {problem && (
        <p className="codemad-mention-problem" role="alert">
          {trans.__('The names could not be looked up: %1', problem)}
        </p>
      )}
    </div>
  );
  const aria = isOpen
    ? ({
        role: 'combobox',
        'aria-expanded': true,
        'aria-haspopup': 'listbox',
        'aria-autocomplete': 'list',
        'aria-controls': id,
        'aria-activedescendant': found.length ? `${id}-${at}` : undefined
      } as const)
    : {};
  return { list, aria, follow, close, onKey };
}

interface IOptionProps {
  id: string;
  mention: Mention;
  isActive: boolean;
  choose: () => void;
}

function Option({ id, mention, isActive, choose }: IOptionProps): React.JSX.Element {
  const { trans } = usePanel();
  const node = React.useRef<HTMLLIElement>(null);
  React.useEffect(() => {
    if (isActive) {
      // jsdom has no layout, so it cannot scroll.
      (node.current as Partial<HTMLElement> | null)?.scrollIntoView?.({ block: 'nearest' });
    }
  }, [isActive]);
  const kinds = {
    variable: trans.__('variable'),
    cell: trans.__('cell'),
    file: trans.__('file'),
    session: trans.__('session'),
    command: trans.__('command')
  };
  return (
    <li
      ref={node}
      id={id}
      role="option"
      aria-selected={isActive}
      className="codemad-mention"
      title={line(mention.name, 400)}
      onPointerDown={event => {
        event.preventDefault(); // the cursor stays in the text
      }}
      onClick={choose}
    >
      <span className="codemad-mention-label">{line(mention.label, 120)}</span>
      <span className="codemad-mention-detail">{line(mention.detail, 120)}</span>
      <span className="codemad-mention-kind">{kinds[mention.kind]}</span>
    </li>
  );
}

/** What fits the letters; null asks nothing. Late answers to earlier letters are dropped. */
function useFound(query: string | null): { found: readonly Mention[]; problem: string } {
  const { requests } = usePages();
  const [state, setState] = React.useState<{ found: readonly Mention[]; problem: string }>(NONE);
  React.useEffect(() => {
    if (query === null) {
      setState(NONE);
      return;
    }
    let isGone = false;
    const ask = (): void => {
      requests.mentions(query).then(
        found => {
          if (!isGone) {
            setState(last => (isSame(last.found, found) && !last.problem ? last : { found, problem: '' }));
          }
        },
        (reason: unknown) => {
          if (!isGone) {
            setState({ found: [], problem: problemOf(reason).message });
          }
        }
      );
    };
    const timers = ASKED_AFTER.map(delay => window.setTimeout(ask, delay));
    return () => {
      isGone = true;
      timers.forEach(timer => {
        window.clearTimeout(timer);
      });
    };
  }, [requests, query]);
  return state;
}

const NONE = { found: [], problem: '' };

function isSame(one: readonly Mention[], other: readonly Mention[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function keyOf({ kind, name }: Mention): string {
  return `${kind} ${name}`;
}
