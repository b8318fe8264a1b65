/** What all model calls of a span came to. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Spend } from '../protocol';
import { countText } from './bars';
import { costText, secondsText } from './format';

export function Totals({ total, trans }: { total: Spend; trans: TranslationBundle }): React.JSX.Element {
  const unpriced = total.unpriced
    ? trans._n('%1 call without a known price', '%1 calls without a known price', total.unpriced)
    : '';
  return (
    <dl className="codemad-totals">
      <div>
        <dt>{trans.__('Cost')}</dt>
        <dd>{costText(total.cost, trans)}</dd>
        {unpriced && <dd className="codemad-totals-note">{unpriced}</dd>}
      </div>
      <div>
        <dt>{trans.__('Runs')}</dt>
        <dd>{total.runs.toLocaleString()}</dd>
      </div>
      <div>
        <dt>{trans.__('Model calls')}</dt>
        <dd>{total.calls.toLocaleString()}</dd>
      </div>
      <div>
        <dt>{trans.__('Tokens')}</dt>
        <dd>{countText(total.tokens, trans)}</dd>
      </div>
      <div>
        <dt>{trans.__('Median answer')}</dt>
        <dd>{total.seconds === null ? '–' : secondsText(total.seconds, trans)}</dd>
      </div>
    </dl>
  );
}
