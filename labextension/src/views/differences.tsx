/** What differs between a checkpoint and now, or another checkpoint: files and cells, each with its diff. */
import React from 'react';

import type { OpenNotebooks } from '../notebook/documents';
import type { CheckpointDiff, PathDifference } from '../protocol';
import { line, plain } from '../text';
import { usePages, usePanel } from './context';
import { baseName } from './format';
import { useLoaded } from './loaded';

interface IChangesProps {
  checkpoint: string;
  other: string | null;
  seq: number;
}

export function Changes({ checkpoint, other, seq }: IChangesProps): React.JSX.Element {
  const { trans } = usePanel();
  const { requests } = usePages();
  const ask = React.useCallback(
    () => requests.checkpointDiff(checkpoint, other),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- as above
    [requests, checkpoint, other, seq]
  );
  const { value, problem, isLoading } = useLoaded<CheckpointDiff>(ask);
  if (problem) {
    return <p className="codemad-point-warning">{line(problem.message)}</p>;
  }
  if (value === null) {
    return <p className="codemad-page-empty">{isLoading ? trans.__('Comparing…') : ''}</p>;
  }
  if (value.differences.length === 0) {
    return (
      <p className="codemad-page-empty">
        {other ? trans.__('Nothing is different there.') : trans.__('Nothing is different now.')}
      </p>
    );
  }
  return (
    <ul
      className="codemad-differences"
      aria-label={other ? trans.__('What is different there') : trans.__('What is different now')}
    >
      {value.differences.map((each, index) => (
        <Difference key={index} difference={each} />
      ))}
      {value.truncated && <li>{trans.__('More was changed than is shown.')}</li>}
    </ul>
  );
}

export function Difference({ difference }: { difference: PathDifference }): React.JSX.Element {
  const { notebooks, trans } = usePanel();
  const words = {
    added: trans.__('added'),
    changed: trans.__('changed'),
    removed: trans.__('removed'),
    moved: trans.__('moved')
  };
  const where = difference.cell
    ? trans.__(
        '%1, cell %2',
        baseName(difference.path),
        cellName(notebooks, difference.path, difference.cell)
      )
    : line(difference.path);
  return (
    <li className="codemad-difference">
      <span className={`codemad-badge codemad-badge-${difference.status}`}>{words[difference.status]}</span>{' '}
      <span title={line(difference.path)}>{where}</span>
      {difference.detail && <span className="codemad-point-detail"> {line(difference.detail)}</span>}
      {difference.diff && <UnifiedDiff text={difference.diff} label={trans.__('Changes of %1', where)} />}
    </li>
  );
}

/** A cell's number where its notebook is open, as the person sees it; else its id. */
function cellName(notebooks: OpenNotebooks, path: string, cell: string): string {
  return notebooks.numberOf(path, cell)?.toString() ?? line(cell);
}

/** A unified diff as coloured lines. */
export function UnifiedDiff({ text, label }: { text: string; label: string }): React.JSX.Element {
  const lines = plain(text)
    .replace(/\n$/, '')
    .split('\n')
    .filter(each => !/^(---|\+\+\+) /.test(each));
  return (
    <pre className="codemad-udiff" tabIndex={0} aria-label={label}>
      {lines.map((each, index) => (
        <span key={index} className={classOf(each)}>
          {each || ' '}
        </span>
      ))}
    </pre>
  );
}

function classOf(text: string): string {
  const names: Record<string, string> = {
    '+': 'codemad-udiff-added',
    '-': 'codemad-udiff-removed',
    '@': 'codemad-udiff-place'
  };
  return names[text.charAt(0)] ?? '';
}
