/** What was spent, what is slow, what was approved and what went wrong in the last days. */
import { refreshIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IProblem } from '../problems';
import { problemOf } from '../problems';
import type { Dashboard } from '../protocol';
import { line } from '../text';
import { CommandButton } from './button';
import { Figures } from './figures';

export const SPANS = [7, 30, 90] as const;

export interface IDashboardProps {
  load: (days: number) => Promise<Dashboard>;
  openNotebook: (path: string) => void;
  trans: TranslationBundle;
}

export function DashboardView({ load, openNotebook, trans }: IDashboardProps): React.JSX.Element {
  const [days, setDays] = React.useState<number>(30);
  const [figures, setFigures] = React.useState<Dashboard | null>(null);
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  const latest = React.useRef(0);
  const ask = React.useCallback(async (): Promise<void> => {
    latest.current += 1;
    const asked = latest.current;
    try {
      const found = await load(days);
      if (asked === latest.current) {
        setFigures(found);
        setProblem(null);
      }
    } catch (reason) {
      if (asked === latest.current) {
        setProblem(problemOf(reason));
      }
    }
  }, [load, days]);
  React.useEffect(() => {
    void ask();
  }, [ask]);
  return (
    <section className="codemad-dashboard" aria-label={trans.__('CodeMAD usage')}>
      <header className="codemad-dashboard-head">
        <h2>{trans.__('CodeMAD usage')}</h2>
        <label>
          {trans.__('Last')}{' '}
          <select
            value={days}
            onChange={event => {
              setDays(Number(event.target.value));
            }}
          >
            {SPANS.map(each => (
              <option key={each} value={each}>
                {trans.__('%1 days', each.toString())}
              </option>
            ))}
          </select>
        </label>
        <CommandButton kind="quiet" icon={refreshIcon} label={trans.__('Look again')} onClick={ask} />
      </header>
      {problem && (
        <p className="codemad-point-warning" role="alert">
          <strong>{line(problem.message)}</strong> {line(problem.hint)}
        </p>
      )}
      {!figures && !problem && (
        <p className="codemad-loading">
          <span className="codemad-spinner" aria-hidden="true" />
          {trans.__('Loading…')}
        </p>
      )}
      {figures && <Figures figures={figures} openNotebook={openNotebook} trans={trans} />}
    </section>
  );
}
