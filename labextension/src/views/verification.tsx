/** What running a notebook again proved: the cells that failed or differ, and those out of order. */
import { checkIcon, closeIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Verdict, Verification } from '../protocol';
import { line } from '../text';
import type { IVerified } from '../transcript';
import { Icon } from './button';
import { usePanel } from './context';
import { baseName, secondsText } from './format';
import { UnifiedDiff } from './differences';

const NAMED = 8;

export function VerificationView({ item }: { item: IVerified }): React.JSX.Element {
  const { trans } = usePanel();
  const { report } = item;
  const of = (...wanted: Verdict['status'][]): Verdict[] =>
    report.cells.filter(({ status }) => wanted.includes(status));
  const bad = of('differs', 'failed');
  const rest = of('not_run');
  const facts = [
    trans.__('%1 as stored', of('same').length.toString()),
    of('unrecorded').length ? trans.__('%1 without a stored result', of('unrecorded').length.toString()) : '',
    rest.length ? trans.__('%1 not run', rest.length.toString()) : '',
    report.out_of_order.length
      ? trans.__('out of order: %1', numbers(report, report.out_of_order, trans))
      : '',
    report.missing.length ? trans.__('never run: %1', numbers(report, report.missing, trans)) : ''
  ];
  const verdict = report.same ? 'accepted' : 'failed';
  return (
    <section
      className={`codemad-card codemad-verified codemad-verified-${verdict}`}
      aria-label={trans.__('Verification')}
    >
      <header className="codemad-card-header">
        <Icon of={report.same ? checkIcon : closeIcon} />
        <span className="codemad-card-title">
          {report.same
            ? trans.__('%1 runs clean', baseName(report.notebook))
            : trans._n(
                '%1 of %2 cells does not repeat',
                '%1 of %2 cells do not repeat',
                bad.length,
                report.cells.length.toString()
              )}
        </span>
        <span className="codemad-card-place">{secondsText(report.seconds, trans)}</span>
      </header>
      <p className="codemad-verified-text">{facts.filter(Boolean).join(' · ')}</p>
      {bad.length + rest.length > 0 && (
        <ul className="codemad-differences">
          {[...bad, ...rest]
            .sort((one, other) => one.number - other.number)
            .map(each => (
              <VerdictView key={each.cell} verdict={each} />
            ))}
        </ul>
      )}
      {report.notes.map(note => (
        <p key={note} className="codemad-verified-text codemad-point-detail">
          {line(note)}
        </p>
      ))}
    </section>
  );
}

/** Cells by their numbers, as far as they are few. */
function numbers(report: Verification, ids: readonly string[], trans: TranslationBundle): string {
  const found = report.cells.filter(({ cell }) => ids.includes(cell)).map(({ number }) => number.toString());
  const shown = found.slice(0, NAMED);
  return shown.length
    ? trans._n('cell %2', 'cells %2', ids.length, shown.join(', ')) + (ids.length > shown.length ? ', …' : '')
    : ids.length.toString();
}

function VerdictView({ verdict }: { verdict: Verdict }): React.JSX.Element {
  const { trans } = usePanel();
  const words: Record<Verdict['status'], string> = {
    same: trans.__('same'),
    differs: trans.__('differs'),
    failed: trans.__('failed'),
    unrecorded: trans.__('nothing stored'),
    not_run: trans.__('not run')
  };
  const name = trans.__('Cell %1', verdict.number.toString());
  return (
    <li className="codemad-difference">
      <span className={`codemad-badge codemad-badge-${verdict.status}`}>{words[verdict.status]}</span> {name}
      {verdict.detail && <span className="codemad-point-detail"> {line(verdict.detail)}</span>}
      {verdict.diff && <UnifiedDiff text={verdict.diff} label={name} />}
    </li>
  );
}
