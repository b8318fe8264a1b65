/** The administrator's policy, on the page of keys and trust: what it holds, and whether it binds. */
import React from 'react';

import { line } from '../text';
import { Icon } from './button';
import { usePages, usePanel } from './context';
import { lockIcon } from './icons';
import { useLoaded } from './loaded';

export function PolicyPart(): React.JSX.Element | null {
  const { trans } = usePanel();
  const { access } = usePages();
  const ask = React.useCallback(() => access.policy(), [access]);
  const { value } = useLoaded(ask);
  if (!value) {
    return null;
  }
  const { place, contact, problem, loose, said } = value;
  return (
    <section className="codemad-policy" aria-label={trans.__('Set by the administrator')}>
      <h3>
        <Icon of={lockIcon} /> {trans.__('Set by the administrator')}
      </h3>
      <p className="codemad-key-place">{line(contact ? `${place} (${contact})` : place)}</p>
      {(problem || loose) && <p className="codemad-point-warning">{line(problem || loose)}</p>}
      <ul className="codemad-policy-lines">
        {said.map(each => (
          <li key={each}>{line(each)}</li>
        ))}
      </ul>
    </section>
  );
}
