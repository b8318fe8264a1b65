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
import { UnifiedDiff } from './timeline';

const NAMED = 8;

export function VerificationView({ item }: { item: IVerified }): React.JSX.Element {
  const { trans } = usePanel();
  const { report } = item;
  const bad = report.cells.filter(cell => cell.status !== 'same' && cell.status !== 'unrecorded');
  const same = report.cells.filter(cell => cell.status === 'same').length;
  const unrecorded = report.cells.filter(cell => cell.status === 'unrecorded').length;
  return (
    <section className="codemad-card codemad-verified" aria-label={trans.__('Verification')}>
      <div className="codemad-card-head">
        <Icon of={report.same ? checkIcon : closeIcon} />
        <strong>
          {report.same
            ? trans.__('%1 runs clean', baseName(report.notebook))
            : trans._n(
                '%1 cell does not repeat',
                '%1 cells do not repeat',
                bad.length,
                bad.length.toString()
              )}
        </strong>
        <span className="codemad-point-detail">{secondsText(report.seconds, trans)}</span>
      </div>
      <p className="codemad-point-detail">
        {trans.__('%1 as stored, %2 without a stored result', same.toString(), unrecorded.toString())}
        {report.out_of_order.length > 0 &&
          ` · ${trans.__('out of order: %1', numbers(report, report.out_of_order, trans))}`}
        {report.missing.length > 0 &&
          ` · ${trans.__('never run: %1', numbers(report, report.missing, trans))}`}
      </p>
      {report.notes.map(note => (
        <p key={note} className="codemad-point-detail">
          {line(note)}
        </p>
      ))}
      {bad.length > 0 && (
        <ul className="codemad-differences">
          {bad.map(verdict => (
            <VerdictView key={verdict.cell} verdict={verdict} />
          ))}
        </ul>
      )}
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
