/**
 * Outputs of a cell, before and as a trial made them, drawn from a short list of kinds.
 *
 * A trial's outputs were made by code that nobody accepted: no script runs, nothing is fetched, HTML
 * passes our own cleaning, and only pictures that stand in the output itself are shown.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import { caretRightIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { CellTarget, NameState, Receipt, Trial } from '../protocol';
import { clip, line, plain } from '../text';
import { Icon } from './button';
import { clean } from './clean';
import { usePanel } from './context';
import { secondsText } from './format';

const TEXT_LIMIT = 12_000;
const HTML_LIMIT = 400_000;
const PICTURE_LIMIT = 6_000_000;
const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];
const NAMES_SHOWN = 6;

/** What a trial did, in lines: the way it was made, the names it touched, and its outputs on asking. */
export function TrialView({ trial, target }: { trial: Trial; target: CellTarget }): React.JSX.Element | null {
  const { trans } = usePanel();
  const way = wayText(trial, trans);
  const hasOutputs = trial.outputs.length > 0;
  if (trial.status === 'skipped') {
    return trial.detail ? <p className="codemad-trial-line codemad-muted">{line(trial.detail)}</p> : null;
  }
  return (
    <div className="codemad-trial">
      {way && <p className="codemad-trial-line codemad-muted">{way}</p>}
      {trial.receipt && (trial.status === 'passed' || touches(trial.receipt)) && (
        <ReceiptLine receipt={trial.receipt} />
      )}
      {trial.status === 'failed' && trial.detail && (
        <pre className="codemad-trial-detail" tabIndex={0}>
          {clip(plain(trial.detail), TEXT_LIMIT)}
        </pre>
      )}
      {hasOutputs && <Outputs trial={trial} target={target} />}
    </div>
  );
}

function touches({ added, changed, deleted }: Receipt): boolean {
  return added.length + changed.length + deleted.length > 0;
}

export function wayText(trial: Trial, trans: ReturnType<typeof usePanel>['trans']): string {
  const time = secondsText(trial.seconds, trans);
  const count = trial.replayed.length;
  switch (trial.method) {
    case 'fork':
      return trans.__('Tried in a copy of the kernel, %1', time);
    case 'replay':
      return count
        ? trans._n(
            'Tried in a fresh kernel after %1 cell, %2',
            'Tried in a fresh kernel after %1 cells, %2',
            count,
            time
          )
        : trans.__('Tried in a fresh kernel, %1', time);
    case 'syntax':
      return trans.__('Only its syntax was checked');
    case 'none':
      return '';
  }
}

/** `+ model, ~ df (100×3 → 90×3, changed in place), − tmp` */
export function ReceiptLine({ receipt }: { receipt: Receipt }): React.JSX.Element | null {
  const { trans } = usePanel();
  const parts = receiptParts(receipt, trans);
  if (parts.length === 0) {
    return <p className="codemad-trial-line codemad-muted">{trans.__('No variable would change')}</p>;
  }
  const shown = parts.slice(0, NAMES_SHOWN);
  const left = parts.length - shown.length;
  return (
    <p
      className="codemad-trial-line codemad-receipt"
      aria-label={trans.__('What it would do to your variables')}
    >
      {shown.map(part => (
        <span
          key={`${part.sign}${part.name}`}
          className={`codemad-name codemad-name-${part.kind}`}
          title={part.title}
        >
          <span className="codemad-name-sign">{part.sign}</span> <code>{part.name}</code>
          {part.detail && <span className="codemad-muted"> {part.detail}</span>}
        </span>
      ))}
      {left > 0 && <span className="codemad-muted">{trans._n('and %1 more', 'and %1 more', left)}</span>}
      {receipt.truncated && <span className="codemad-muted">{trans.__('not all could be compared')}</span>}
    </p>
  );
}

interface IPart {
  kind: 'added' | 'changed' | 'deleted' | 'inplace';
  sign: string;
  name: string;
  detail: string;
  title: string;
}

export function receiptParts(receipt: Receipt, trans: ReturnType<typeof usePanel>['trans']): IPart[] {
  return [
    ...receipt.added.map((name): IPart => ({
      kind: 'added',
      sign: '+',
      name: line(name.name),
      detail: kindText(name),
      title: stateText(name)
    })),
    ...receipt.changed.map(({ before, after, in_place, certain }): IPart => {
      const isOneType = before.type === after.type && before.shape?.length === after.shape?.length;
      const from = isOneType ? shapeText(before) : kindText(before);
      const to = isOneType ? shapeText(after) : kindText(after);
      const words = [
        from !== to ? `${from} → ${to}` : '',
        in_place ? trans.__('changed in place') : '',
        certain ? '' : trans.__('compared in part')
      ].filter(Boolean);
      return {
        kind: in_place ? 'inplace' : 'changed',
        sign: '~',
        name: line(after.name),
        detail: words.length ? `(${words.join(', ')})` : '',
        title: `${stateText(before)} → ${stateText(after)}`
      };
    }),
    ...receipt.deleted.map((name): IPart => ({
      kind: 'deleted',
      sign: '−',
      name: line(name),
      detail: '',
      title: ''
    }))
  ];
}

function shapeText({ shape }: NameState): string {
  return shape?.length ? shape.join('×') : '';
}

/** `DataFrame 3×2`, `list[3]`, `int`. */
function kindText(state: NameState): string {
  const name = line(state.type.slice(state.type.lastIndexOf('.') + 1));
  const shape = shapeText(state);
  return state.shape?.length === 1 ? `${name}[${shape}]` : [name, shape].filter(Boolean).join(' ');
}

function stateText(state: NameState): string {
  return [line(state.type), shapeText(state), state.dtypes.map(type => line(type)).join(', ')]
    .filter(Boolean)
    .join(' · ');
}

function Outputs({ trial, target }: { trial: Trial; target: CellTarget }): React.JSX.Element {
  const { notebooks, trans } = usePanel();
  const [isShown, setShown] = React.useState(false);
  const id = React.useId();
  const before = isShown && target.op === 'replace' ? notebooks.outputsOf(target.notebook, target.cell) : [];
  return (
    <div className="codemad-outputs">
      <button
        type="button"
        className="codemad-outputs-line"
        aria-expanded={isShown}
        aria-controls={isShown ? id : undefined}
        onClick={() => {
          setShown(!isShown);
        }}
      >
        <Icon of={caretRightIcon} className="codemad-caret" />
        {target.op === 'replace' ? trans.__('Outputs: before | tried') : trans.__('Outputs of the trial')}
      </button>
      {isShown && (
        <div id={id} className="codemad-outputs-pair">
          {target.op === 'replace' && <Side title={trans.__('Before')} outputs={before} />}
          <Side title={trans.__('Tried')} outputs={trial.outputs as unknown as nbformat.IOutput[]} />
        </div>
      )}
    </div>
  );
}

function Side({
  title,
  outputs
}: {
  title: string;
  outputs: readonly nbformat.IOutput[];
}): React.JSX.Element {
  const { trans } = usePanel();
  return (
    <section className="codemad-outputs-side" aria-label={title} tabIndex={0}>
      <h3 className="codemad-outputs-title">{title}</h3>
      {outputs.length === 0 && <p className="codemad-muted">{trans.__('No output')}</p>}
      {outputs.map((output, index) => (
        <Output key={index} output={output} />
      ))}
    </section>
  );
}

export function Output({ output }: { output: nbformat.IOutput }): React.JSX.Element | null {
  const { trans } = usePanel();
  if (output.output_type === 'stream') {
    return <Text text={joined(output.text)} />;
  }
  if (output.output_type === 'error') {
    const { traceback } = output;
    const text = Array.isArray(traceback)
      ? traceback.map(String).join('\n')
      : `${joined(output.ename)}: ${joined(output.evalue)}`;
    return <Text text={text} isError />;
  }
  const data = (output.data ?? {}) as nbformat.IMimeBundle;
  const picture = PICTURES.find(mime => typeof data[mime] === 'string' || Array.isArray(data[mime]));
  if (picture !== undefined) {
    const code = joined(data[picture]).replace(/\s/g, '');
    if (/^[a-z0-9+/=]+$/i.test(code) && code.length <= PICTURE_LIMIT) {
      const alt = joined(data['text/plain']) || trans.__('Picture');
      return (
        <img className="codemad-output-picture" alt={line(alt)} src={`data:${picture};base64,${code}`} />
      );
    }
  }
  const html = joined(data['text/html']);
  if (html && html.length <= HTML_LIMIT) {
    return <Html html={html} />;
  }
  const text = joined(data['text/plain']);
  const kinds = Object.keys(data).filter(mime => mime !== 'text/plain');
  return <Text text={text || `[${kinds.map(kind => line(kind)).join(', ')}]`} />;
}

function Text({ text, isError = false }: { text: string; isError?: boolean }): React.JSX.Element {
  return (
    <pre className={`codemad-output ${isError ? 'codemad-output-error' : ''}`}>
      {clip(plain(text), TEXT_LIMIT)}
    </pre>
  );
}

function Html({ html }: { html: string }): React.JSX.Element {
  const { trans } = usePanel();
  const host = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    const safe = clean(html, { blocked: address => `[${trans.__('not loaded: %1', line(address) || '?')}]` });
    host.current?.replaceChildren(safe);
  }, [html, trans]);
  return <div ref={host} className="codemad-output codemad-markdown jp-RenderedHTMLCommon" />;
}

function joined(value: unknown): string {
  return Array.isArray(value) ? value.join('') : typeof value === 'string' ? value : '';
}
