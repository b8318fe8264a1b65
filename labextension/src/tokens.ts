/** The tokens by which the plugins find each other. */
import { Token } from '@lumino/coreutils';

import type { Client } from './client';
import type { OpenNotebooks } from './notebook/documents';
import type { Renderers } from './renderers';
import type { Session } from './session';

/** The session shown in this tab: one for the panel, the cell buttons and the status bar. */
export type ISession = Session;
export const ISession = new Token<ISession>(
  'codemad-jupyter:ISession',
  'The CodeMAD session of this tab: its transcript, and everything one can ask of it.'
);

/** The connection to the server. */
export type IClient = Client;
export const IClient = new Token<IClient>('codemad-jupyter:IClient', 'The connection to the CodeMAD server.');

/** What other extensions draw in the transcript. */
export type IRenderers = Renderers;
export const IRenderers = new Token<IRenderers>(
  'codemad-jupyter:IRenderers',
  'Takes renderers by which other extensions draw results of tools, parts of answers and events in the CodeMAD panel.'
);

/** The notebooks open in this tab, and where the person stands. */
export type IOpenNotebooks = OpenNotebooks;
export const IOpenNotebooks = new Token<IOpenNotebooks>(
  'codemad-jupyter:IOpenNotebooks',
  'The notebooks that are open in this tab.'
);
