/** Bars: columns over days, and a table whose first numbers are drawn. The table is what a screen reader reads. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

/** One column of a chart. */
export interface IColumn {
  name: string;
  value: number;
  /** The value in words. */
  text: string;
}

const NAMED = 6;

/** Columns side by side; a table beside it holds the same numbers. */
export function Columns(props: { columns: IColumn[]; label: string }): React.JSX.Element {
  const { columns, label } = props;
  const most = Math.max(...columns.map(each => each.value), 0);
  const top = columns.find(each => each.value === most && most > 0);
  const step = Math.max(Math.ceil((columns.length - 1) / NAMED), 1);
  return (
    <>
      <div className="codemad-columns-top" aria-hidden="true">
        {top?.text}
      </div>
      <div className="codemad-columns" role="img" aria-label={label}>
        {columns.map(each => (
          <div key={each.name} className="codemad-column" title={`${each.name}: ${each.text}`}>
            <span style={{ height: `${most > 0 ? (each.value / most) * 100 : 0}%` }} />
          </div>
        ))}
      </div>
      <div className="codemad-columns-names" aria-hidden="true">
        {columns.map((each, index) => (
          <span key={each.name}>{(columns.length - 1 - index) % step === 0 ? each.name.slice(5) : ''}</span>
        ))}
      </div>
    </>
  );
}

/** One line of a table with bars. */
export interface IBar {
  key: string;
  name: React.ReactNode;
  value: number;
  text: string;
  /** Further columns. */
  more: string[];
  /** What a failure or a refusal looks like. */
  kind?: 'plain' | 'bad';
}

export interface IBarsProps {
  caption: string;
  /** The names of the columns. */
  heads: string[];
  bars: IBar[];
  empty: string;
}

/** A table whose second column is drawn as bars behind its numbers. */
export function Bars({ caption, heads, bars, empty }: IBarsProps): React.JSX.Element {
  const most = Math.max(...bars.map(each => each.value), 0);
  if (!bars.length) {
    return <p className="codemad-bars-empty">{empty}</p>;
  }
  return (
    <table className="codemad-bars">
      <caption className="codemad-hidden">{caption}</caption>
      <thead>
        <tr>
          {heads.map(head => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {bars.map(each => (
          <tr key={each.key}>
            <th scope="row">{each.name}</th>
            <td className="codemad-bars-drawn">
              <span
                className={`codemad-length codemad-length-${each.kind ?? 'plain'}`}
                style={{ width: `${most > 0 ? (each.value / most) * 100 : 0}%` }}
                aria-hidden="true"
              />
              <span className="codemad-length-text">{each.text}</span>
            </td>
            {each.more.map((text, index) => (
              <td key={heads[index + 2]}>{text}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A whole number as people write it. */
export function countText(count: number, trans: TranslationBundle): string {
  return count >= 1_000_000
    ? trans.__('%1 M', (count / 1_000_000).toFixed(1))
    : count >= 10_000
      ? trans.__('%1 k', Math.round(count / 1_000).toString())
      : count.toLocaleString();
}
