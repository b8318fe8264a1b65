/** A line above the conversation while nothing of it is saved: it ends with the server. */
import React from 'react';

import { line } from '../text';
import { usePages, usePanel, useSession } from './context';
import { useLoaded } from './loaded';

const NOTHING = async (): Promise<string> => Promise.resolve('');

export function UnsavedBanner(): React.JSX.Element | null {
  const { trans } = usePanel();
  const { requests } = usePages();
  // The engine knows only once a session is there.
  const isReady = useSession(snapshot => snapshot.sessions.length > 0);
  const ask = React.useMemo(() => (isReady ? async () => requests.unsaved() : NOTHING), [isReady, requests]);
  const { value } = useLoaded(ask);
  if (!value) {
    return null;
  }
  return (
    <section className="codemad-trust" role="status" aria-label={trans.__('Nothing is saved')}>
      <p>
        <strong>{trans.__('Nothing is saved.')}</strong> {line(value)}
      </p>
    </section>
  );
}
