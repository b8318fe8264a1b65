/** Trust in the folder: a line above the conversation while something waits for it, and a part of a page. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ITrustSnapshot } from '../access';
import type { FolderTrust } from '../protocol';
import { line } from '../text';
import { Button, CommandButton } from './button';
import { usePages, usePanel } from './context';
import { baseName } from './format';

function useTrust(): ITrustSnapshot {
  const { access } = usePages();
  return React.useSyncExternalStore(access.subscribe, access.getSnapshot);
}

/** Shown while the folder holds something that counts only once it is trusted. */
export function TrustBanner(): React.JSX.Element | null {
  const { trans } = usePanel();
  const { access, pages } = usePages();
  const { trust, isPutOff } = useTrust();
  React.useEffect(() => {
    void access.look();
  }, [access]);
  if (!trust || isPutOff || trust.state === 'trusted' || trust.found.length === 0) {
    return null;
  }
  return (
    <section className="codemad-trust" aria-label={trans.__('Trust in this folder')}>
      <p>{waitingText(trust, trans)}</p>
      <div className="codemad-point-actions">
        <CommandButton kind="primary" onClick={() => access.decide(true)}>
          {trans.__('Trust this folder')}
        </CommandButton>
        <Button
          onClick={() => {
            pages.show('keys');
          }}
        >
          {trans.__('More…')}
        </Button>
        <Button
          kind="quiet"
          onClick={() => {
            access.putOff();
          }}
        >
          {trans.__('Not now')}
        </Button>
      </div>
    </section>
  );
}

/** The same on its page, with the way back. */
export function TrustPart(): React.JSX.Element {
  const { trans } = usePanel();
  const { access } = usePages();
  const { trust, problem } = useTrust();
  React.useEffect(() => {
    void access.look();
  }, [access]);
  return (
    <section aria-label={trans.__('This folder')}>
      <h3>{trans.__('This folder')}</h3>
      {problem && (
        <p className="codemad-point-warning" role="alert">
          <strong>{line(problem.message)}</strong> {line(problem.hint)}
        </p>
      )}
      {trust && (
        <>
          <p className="codemad-key-place">{line(trust.folder)}</p>
          <p>{trust.state === 'trusted' ? trustedText(trust, trans) : waitingText(trust, trans)}</p>
          <div className="codemad-point-actions">
            {trust.state !== 'trusted' && (
              <CommandButton kind="primary" onClick={() => access.decide(true)}>
                {trans.__('Trust this folder')}
              </CommandButton>
            )}
            {trust.by === 'you' && (
              <CommandButton onClick={() => access.decide(false)}>
                {trans.__('Trust it no longer')}
              </CommandButton>
            )}
          </div>
        </>
      )}
    </section>
  );
}

function waitingText(trust: FolderTrust, trans: TranslationBundle): string {
  const folder = baseName(trust.folder);
  if (trust.state === 'changed') {
    return trans.__(
      'The settings of “%1” have changed since you trusted it. Until you do so again they do not count.',
      folder
    );
  }
  if (trust.found.length === 0) {
    return trans.__('You do not trust “%1”. There is nothing in it that would count.', folder);
  }
  return trans.__(
    '“%1” brings instructions or settings of its own: %2. They count only once you trust it. They can tighten limits and advise the model, never widen what it may do.',
    folder,
    line(trust.found.join(', '))
  );
}

function trustedText(trust: FolderTrust, trans: TranslationBundle): string {
  const files = line(trust.found.join(', '));
  if (trust.by === 'environment') {
    return trans.__('Trusted as long as this server runs (CODEMAD_TRUST).');
  }
  return files ? trans.__('You trust it. These count: %1.', files) : trans.__('You trust it.');
}
