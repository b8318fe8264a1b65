/** What the views need of the application, in one React context instead of props through every level. */
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { createContext, useContext, useSyncExternalStore } from 'react';

import type { Access } from '../access';
import type { Branches } from '../branches';
import type { Drops } from '../drops';
import type { OpenNotebooks } from '../notebook/documents';
import type { Pages } from '../pages';
import type { Renderers } from '../renderers';
import type { Requests } from '../requests';
import type { ISnapshot } from '../feed';
import type { Session } from '../session';
import type { Sharing } from '../sharing';

export interface IPanelContext {
  session: Session;
  notebooks: OpenNotebooks;
  rendermime: IRenderMimeRegistry;
  languages: IEditorLanguageRegistry;
  trans: TranslationBundle;
  /** What other extensions draw. */
  renderers?: Renderers;
  /** Shows the change of a file in a tab. */
  openDiff?: (edit: string) => void;
  /** Whose session it is, where it is somebody else's: then nothing is decided here. */
  owner?: string;
}

/** What only the panel has: its pages, and what they ask of the server. */
export interface IPagesContext {
  requests: Requests;
  /** Sessions, their branches and what is done with them. */
  branches: Branches;
  /** What is shared with others of the hub, and by them. */
  sharing: Sharing;
  /** Keys of providers, and trust in the folder. */
  access: Access;
  pages: Pages;
  /** What is done with things that are dropped onto the panel. */
  drops: Drops;
}

export const PanelContext = createContext<IPanelContext | null>(null);

export const PagesContext = createContext<IPagesContext | null>(null);

export function usePanel(): IPanelContext {
  const context = useContext(PanelContext);
  if (!context) {
    throw new Error('A view was drawn outside the CodeMAD panel.');
  }
  return context;
}

export function usePages(): IPagesContext {
  const context = useContext(PagesContext);
  if (!context) {
    throw new Error('A page was drawn outside the CodeMAD panel.');
  }
  return context;
}

/** The session as it is now; the view is drawn again when the part changes that `select` takes of it. */
export function useSession<T>(select: (snapshot: ISnapshot) => T): T {
  const { session } = usePanel();
  return useSyncExternalStore(session.subscribe, () => select(session.getSnapshot()));
}
