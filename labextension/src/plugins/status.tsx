import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ReactWidget } from '@jupyterlab/apputils';
import { IStatusBar } from '@jupyterlab/statusbar';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import React from 'react';

import type { ISnapshot } from '../feed';
import { ISession } from '../tokens';
import { waiting } from '../transcript';
import { CommandIds } from './commands';

/** One item in the status bar: what runs, or what waits for the person. */
export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'codemad-jupyter:status',
  description: 'Shows in the status bar what CodeMAD does.',
  autoStart: true,
  requires: [ISession, IStatusBar],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    statusBar: IStatusBar,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('codemad_jupyter');
    const open = (): void => void app.commands.execute(CommandIds.open);
    const item = ReactWidget.create(<StatusItem session={session} trans={trans} open={open} />);
    statusBar.registerStatusItem(statusPlugin.id, { item, align: 'right', rank: 50 });
  }
};

function StatusItem(props: {
  session: ISession;
  trans: TranslationBundle;
  open: () => void;
}): React.JSX.Element {
  const { session, trans, open } = props;
  const text = React.useSyncExternalStore(session.subscribe, () => statusText(session.getSnapshot(), trans));
  return (
    <button type="button" className="codemad-status" title={trans.__('Open CodeMAD')} onClick={open}>
      {text}
    </button>
  );
}

function statusText({ transcript, connection }: ISnapshot, trans: TranslationBundle): string {
  const { edits, approvals } = waiting(transcript);
  if (approvals) {
    return trans.__('CodeMAD: asks');
  }
  if (transcript.running) {
    return trans.__('CodeMAD: working');
  }
  if (edits) {
    return trans._n('CodeMAD: %1 change to review', 'CodeMAD: %1 changes to review', edits);
  }
  return connection === 'lost' ? trans.__('CodeMAD: offline') : 'CodeMAD';
}
