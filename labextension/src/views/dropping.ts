/** The panel as a place to drop things: it says so while something is above it, and takes what is dropped. */
import type { Drag } from '@lumino/dragdrop';
import React from 'react';

import type { ITaken } from '../drops';
import { problemOf } from '../problems';
import { usePages, usePanel } from './context';

export interface IDropping {
  /** Something that can be dropped is above the panel. */
  isOver: boolean;
  /** Why something that was dropped does not go along. */
  refused: readonly string[];
  forget: () => void;
}

const NONE: readonly string[] = [];

/** Drops anywhere on the panel count, and all belong to the message that is being written. */
export function useDrops(within: React.RefObject<HTMLElement>): IDropping {
  const { session } = usePanel();
  const { drops } = usePages();
  const [isOver, setOver] = React.useState(false);
  const [refused, setRefused] = React.useState(NONE);

  React.useEffect(() => {
    const node = within.current?.closest<HTMLElement>('.codemad-panel') ?? within.current;
    if (!node) {
      return;
    }
    const add = (work: Promise<ITaken>): void => {
      setOver(false);
      void work
        .catch((reason: unknown) => ({ pieces: [], refused: [problemOf(reason).message] }))
        .then(({ pieces, refused: words }) => {
          pieces.forEach(piece => {
            session.quotes.add(piece);
          });
          setRefused([...new Set(words)]);
          within.current?.querySelector('textarea')?.focus();
        });
    };
    const ours = (event: Event): void => {
      event.preventDefault();
      event.stopPropagation();
    };
    const leave = (event: Event): void => {
      const to = (event as MouseEvent).relatedTarget;
      if (!(to instanceof Node) || !node.contains(to)) {
        setOver(false);
      }
    };
    const listeners: Record<string, (event: Event) => void> = {
      'lm-dragenter': event => {
        if (drops.holds((event as Drag.Event).mimeData)) {
          ours(event);
          setOver(true);
        }
      },
      'lm-dragover': event => {
        const drag = event as Drag.Event;
        if (drops.holds(drag.mimeData)) {
          ours(event);
          drag.dropAction = drag.proposedAction;
        }
      },
      'lm-dragleave': leave,
      'lm-drop': event => {
        const drag = event as Drag.Event;
        if (drops.holds(drag.mimeData)) {
          ours(event);
          drag.dropAction = drag.proposedAction;
          add(drops.take(drag.mimeData, drag.source, session.quotes.getSnapshot()));
        }
      },
      dragover: event => {
        const { dataTransfer } = event as DragEvent;
        if (dataTransfer && drops.offers(dataTransfer)) {
          ours(event);
          dataTransfer.dropEffect = 'copy';
          setOver(true);
        }
      },
      dragleave: leave,
      drop: event => {
        const { dataTransfer } = event as DragEvent;
        if (dataTransfer && drops.offers(dataTransfer)) {
          ours(event);
          add(drops.takeFrom(dataTransfer, session.quotes.getSnapshot()));
        }
      }
    };
    for (const [type, listener] of Object.entries(listeners)) {
      node.addEventListener(type, listener);
    }
    return () => {
      for (const [type, listener] of Object.entries(listeners)) {
        node.removeEventListener(type, listener);
      }
    };
  }, [drops, session, within]);

  const forget = React.useCallback(() => {
    setRefused(NONE);
  }, []);
  return { isOver, refused, forget };
}
