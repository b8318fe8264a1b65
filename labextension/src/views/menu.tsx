/** A button with a menu of its own: sessions, models. Keys as in every menu: arrows, Home, End, Escape. */
import { caretDownIcon, checkIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { Icon } from './button';
import { lockIcon } from './icons';

export interface IMenuEntry {
  key: string;
  label: string;
  detail?: string;
  /** True or false for one of several choices, absent for an action. */
  checked?: boolean;
  disabled?: boolean;
  /** The administrator does not allow it; ``detail`` says so. */
  locked?: boolean;
  /** The heading of the group that begins here. */
  heading?: string;
  run: () => void;
}

export interface IMenuProps {
  label: string;
  /** What the button shows. */
  children: React.ReactNode;
  entries: readonly IMenuEntry[];
  direction?: 'down' | 'up';
  className?: string;
  /** What the button shows says by itself that there is more. */
  isPlain?: boolean;
  onOpen?: () => void;
  /** Lets another control open the menu. */
  opener?: React.MutableRefObject<(() => void) | null>;
}

export function Menu(props: IMenuProps): React.JSX.Element {
  const { label, children, entries, direction = 'down', className = '', isPlain = false } = props;
  const { onOpen, opener } = props;
  const [isOpen, setOpen] = React.useState(false);
  const root = React.useRef<HTMLDivElement>(null);
  const button = React.useRef<HTMLButtonElement>(null);
  const id = React.useId();

  const open = (): void => {
    setOpen(true);
    onOpen?.();
  };
  if (opener) {
    opener.current = open;
  }
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  useOutside(root, isOpen, () => {
    setOpen(false);
  });
  useEscape(isOpen, close);

  return (
    <div className={`codemad-menu ${className}`} ref={root}>
      <button
        ref={button}
        type="button"
        className="codemad-button codemad-button-quiet codemad-menu-button"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        aria-label={label}
        title={label}
        onClick={isOpen ? close : open}
      >
        {children}
        {!isPlain && <Icon of={caretDownIcon} />}
      </button>
      {isOpen && <List id={id} label={label} direction={direction} entries={entries} close={close} />}
    </div>
  );
}

interface IListProps {
  id: string;
  label: string;
  direction: 'down' | 'up';
  entries: readonly IMenuEntry[];
  close: () => void;
}

function List({ id, label, direction, entries, close }: IListProps): React.JSX.Element {
  const list = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    const items = itemsOf(list.current);
    (items.find(item => item.getAttribute('aria-checked') === 'true') ?? items.at(0))?.focus();
  }, []);

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const items = itemsOf(list.current);
    const at = items.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) {
      items.at(to % items.length)?.focus();
    } else if (event.key === 'Escape' || event.key === 'Tab') {
      close();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      id={id}
      ref={list}
      role="menu"
      tabIndex={0}
      aria-label={label}
      className={`codemad-menu-list codemad-menu-${direction}`}
      onKeyDown={onKeyDown}
    >
      {entries.map(entry => (
        <React.Fragment key={entry.key}>
          {entry.heading && (
            <div className="codemad-menu-heading" role="presentation">
              {entry.heading}
            </div>
          )}
          <button
            type="button"
            className="codemad-menu-item"
            role={entry.checked === undefined ? 'menuitem' : 'menuitemradio'}
            aria-checked={entry.checked}
            aria-disabled={entry.disabled}
            title={entry.locked ? entry.detail : undefined}
            tabIndex={-1}
            onClick={() => {
              if (!entry.disabled) {
                close();
                entry.run();
              }
            }}
          >
            <span className="codemad-menu-check">
              {entry.checked && <Icon of={checkIcon} />}
              {entry.locked && !entry.checked && <Icon of={lockIcon} />}
            </span>
            <span className="codemad-menu-text">
              <span className="codemad-menu-label">{entry.label}</span>
              {entry.detail && <span className="codemad-menu-detail">{entry.detail}</span>}
            </span>
          </button>
        </React.Fragment>
      ))}
    </div>
  );
}

function itemsOf(list: HTMLElement | null): HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>('.codemad-menu-item') ?? [])];
}

/** Escape closes an open menu wherever the focus went: Lab, or a redrawn entry, may have taken it. */
function useEscape(isOpen: boolean, close: () => void): void {
  const latest = React.useRef(close);
  latest.current = close;
  React.useEffect(() => {
    if (!isOpen) {
      return;
    }
    const listen = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') {
        event.preventDefault();
        event.stopPropagation();
        latest.current();
      }
    };
    document.addEventListener('keydown', listen, true);
    return () => {
      document.removeEventListener('keydown', listen, true);
    };
  }, [isOpen]);
}

function useOutside(root: React.RefObject<HTMLElement>, isOpen: boolean, leave: () => void): void {
  const latest = React.useRef(leave);
  latest.current = leave;
  React.useEffect(() => {
    if (!isOpen) {
      return;
    }
    const listen = (event: Event): void => {
      if (!root.current?.contains(event.target as Node)) {
        latest.current();
      }
    };
    document.addEventListener('pointerdown', listen, true);
    return () => {
      document.removeEventListener('pointerdown', listen, true);
    };
  }, [isOpen, root]);
}
