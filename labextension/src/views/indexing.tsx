/** The state of the search index, among what a message is made of: how far, what is left out, what is wrong. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { isWorking, leftOut, pauseOf, progressOf } from '../indexing';
import type { IndexStatus } from '../protocol';
import { line } from '../text';
import { usePages, usePanel } from './context';
import { useLoaded } from './loaded';

export function IndexState(): React.JSX.Element {
  const { trans } = usePanel();
  const { requests } = usePages();
  const [turn, setTurn] = React.useState(0);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- another turn asks again
  const ask = React.useCallback(() => requests.index(), [requests, turn]);
  const { value, problem, isLoading } = useLoaded(ask);
  React.useEffect(() => {
    if (isLoading) {
      return undefined;
    }
    const timer = window.setTimeout(() => {
      setTurn(last => last + 1);
    }, pauseOf(value));
    return () => {
      window.clearTimeout(timer);
    };
  }, [isLoading, value]);
  return (
    <section className="codemad-index" aria-label={trans.__('Search index of this folder')}>
      <h3>{trans.__('Search index of this folder')}</h3>
      {problem && <p className="codemad-point-warning">{line(problem.message)}</p>}
      {value && <Told status={value} />}
    </section>
  );
}

function Told({ status }: { status: IndexStatus }): React.JSX.Element {
  const { trans } = usePanel();
  const progress = progressOf(status);
  const { count, reasons } = leftOut(status);
  return (
    <>
      {status.fault && <p className="codemad-point-warning">{line(status.fault)}</p>}
      <p className="codemad-muted">
        {stateText(status, trans)} {status.lacking > 0 && !isWorking(status) && lackingText(status, trans)}
      </p>
      {progress && (
        <div
          className="codemad-part-bar"
          role="progressbar"
          aria-label={trans.__('Indexing')}
          aria-valuenow={progress.percent}
          aria-valuemin={0}
          aria-valuemax={100}
        >
          <span style={{ width: `${progress.percent}%` }} />
        </div>
      )}
      {status.notice && <p className="codemad-muted">{line(status.notice)}</p>}
      {count > 0 && (
        <details className="codemad-muted">
          <summary>{trans._n('%1 file is left out', '%1 files are left out', count, number(count))}</summary>
          <ul>
            {reasons.map(each => (
              <li key={each.reason}>
                {number(each.count)} {line(each.reason)}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function stateText(status: IndexStatus, trans: TranslationBundle): string {
  const files = trans._n('%1 file', '%1 files', status.files, number(status.files));
  const progress = progressOf(status);
  const share = progress ? trans.__(' %1 of %2', number(progress.done), number(progress.total)) : '';
  const texts: Record<IndexStatus['state'], string> = {
    none: trans.__('Not built yet: it is built when something is searched.'),
    partial: trans.__('%1 indexed so far; it is not whole.', files),
    failed: trans.__('%1 indexed so far; it is not whole.', files),
    looking: trans.__('%1 indexed so far; the folder is being looked through.', files),
    reading: trans.__('%1 indexed so far; reading files%2.', files, share),
    joining: trans.__('%1 indexed; tidying up.', files),
    embedding: trans.__('%1 indexed; learning what they mean%2.', files, share),
    ready: trans.__('%1 indexed, all there are.', files)
  };
  return texts[status.state];
}

function lackingText({ lacking }: IndexStatus, trans: TranslationBundle): string {
  return trans._n(
    '%1 place is found by its words only.',
    '%1 places are found by their words only.',
    lacking,
    number(lacking)
  );
}

function number(count: number): string {
  return count.toLocaleString();
}
