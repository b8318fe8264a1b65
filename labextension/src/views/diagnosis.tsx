/** What language servers say a proposal would bring: one line a problem, errors first. */
import React from 'react';

import type { Diagnosis, Edit, Problem } from '../protocol';
import { line } from '../text';
import { usePanel } from './context';

const MOST = 5;

export function DiagnosisPart({ edit }: { edit: Edit }): React.JSX.Element | null {
  const { trans } = usePanel();
  const { diagnosis } = edit;
  if (!diagnosis?.problems.length) {
    return null;
  }
  const left = leftOut(diagnosis);
  return (
    <ul className="codemad-problems" aria-label={trans.__('New problems')}>
      {diagnosis.problems.slice(0, MOST).map((problem, index) => (
        <li key={index} className={`codemad-problem-${severityOf(problem, edit)}`} title={ruleOf(problem)}>
          <span className="codemad-problem-kind">
            {severityOf(problem, edit) === 'error' ? trans.__('Error') : trans.__('Warning')}
          </span>{' '}
          {isElsewhere(problem, edit)
            ? trans.__('another cell, line %1: %2', problem.line, line(problem.text))
            : trans.__('line %1: %2', problem.line, line(problem.text))}
        </li>
      ))}
      {left > 0 && <li>{trans.__('and %1 more', left)}</li>}
    </ul>
  );
}

function leftOut({ problems, more }: Diagnosis): number {
  return Math.max(problems.length - MOST, 0) + more;
}

/** What ran is not broken there: a checker that guesses types from stubs is often wrong about such code. */
function severityOf({ severity, server }: Problem, { trial }: Edit): Problem['severity'] {
  const hasRun = trial?.status === 'passed' && ['fork', 'replay'].includes(trial.method);
  return hasRun && server !== 'ruff' ? 'warning' : severity;
}

function isElsewhere(problem: Problem, { target }: Edit): boolean {
  return target.type === 'cell' && problem.cell !== target.cell;
}

function ruleOf({ server, code }: Problem): string {
  return line(`${server} ${code}`);
}
