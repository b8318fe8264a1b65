/** The figures of the usage tab: charts that are tables. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Dashboard, Spend } from '../protocol';
import { line } from '../text';
import type { IBar } from './bars';
import { Bars, Columns, countText } from './bars';
import { Button } from './button';
import { ageText, baseName, costText, modelText, secondsText } from './format';
import { Totals } from './totals';

type Measure = 'cost' | 'calls' | 'tokens';

interface IFiguresProps {
  figures: Dashboard;
  openNotebook: (path: string) => void;
  trans: TranslationBundle;
}

export function Figures(props: IFiguresProps): React.JSX.Element {
  const { figures, trans } = props;
  const [chosen, setChosen] = React.useState<Measure | null>(null);
  const measure = chosen ?? (figures.total.cost > 0 ? 'cost' : 'calls');
  const names: Record<Measure, string> = {
    cost: trans.__('Cost'),
    calls: trans.__('Calls'),
    tokens: trans.__('Tokens')
  };
  const note = figures.by_model.length ? trans.__('Days are those of UTC.') : noModel(trans);
  return (
    <>
      <Totals total={figures.total} trans={trans} />
      <div className="codemad-measure" role="group" aria-label={trans.__('What the bars show')}>
        {(['cost', 'calls', 'tokens'] as const).map(each => (
          <button
            key={each}
            type="button"
            aria-pressed={each === measure}
            onClick={() => {
              setChosen(each);
            }}
          >
            {names[each]}
          </button>
        ))}
      </div>
      <div className="codemad-figures">
        <Figure title={trans.__('By day')} wide note={note}>
          <ByDay days={figures.by_day} measure={measure} head={names[measure]} trans={trans} />
        </Figure>
        <Spending {...props} measure={measure} names={names} />
        <SlowCells {...props} />
        <Approvals {...props} />
        <Errors {...props} />
      </div>
    </>
  );
}

function noModel(trans: TranslationBundle): string {
  return trans.__('No model was called in these days.');
}

interface ISpendingProps extends IFiguresProps {
  measure: Measure;
  names: Record<Measure, string>;
}

function Spending({ figures, openNotebook, trans, measure, names }: ISpendingProps): React.JSX.Element {
  const bar = (each: Spend, name: React.ReactNode): IBar => ({
    key: each.name,
    name,
    value: each[measure],
    text: measureText(each, measure, trans),
    more: [
      countText(measure === 'calls' ? each.tokens : each.calls, trans),
      each.seconds === null ? '–' : secondsText(each.seconds, trans)
    ]
  });
  const heads = (first: string): string[] => [
    first,
    names[measure],
    measure === 'calls' ? names.tokens : names.calls,
    trans.__('Median answer')
  ];
  const empty = noModel(trans);
  return (
    <>
      <Figure title={trans.__('By model')}>
        <Bars
          caption={trans.__('Usage by model')}
          heads={heads(trans.__('Model'))}
          bars={sorted(figures.by_model, measure).map(each =>
            bar(each, <span title={line(each.name)}>{modelText(each.name, trans)}</span>)
          )}
          empty={empty}
        />
      </Figure>
      <Figure title={trans.__('By notebook')}>
        <Bars
          caption={trans.__('Usage by notebook')}
          heads={heads(trans.__('Notebook'))}
          bars={sorted(figures.by_notebook, measure).map(each =>
            bar(each, <Notebook path={each.name} open={openNotebook} trans={trans} />)
          )}
          empty={empty}
        />
      </Figure>
    </>
  );
}

interface INotebookProps {
  path: string;
  open: (path: string) => void;
  trans: TranslationBundle;
}

function Notebook({ path, open, trans }: INotebookProps): React.JSX.Element {
  if (!path) {
    return <>{trans.__('no notebook')}</>;
  }
  return (
    <Button
      kind="quiet"
      className="codemad-link"
      label={line(path)}
      onClick={() => {
        open(path);
      }}
    >
      {baseName(path)}
    </Button>
  );
}

function SlowCells({ figures, openNotebook, trans }: IFiguresProps): React.JSX.Element {
  return (
    <Figure title={trans.__('Slow cells')} note={trans.__('Cells that CodeMAD ran for you.')}>
      <Bars
        caption={trans.__('Slowest cells')}
        heads={[trans.__('Cell'), trans.__('Longest'), trans.__('Average'), trans.__('Runs')]}
        bars={figures.slow_cells.map(each => ({
          key: `${each.notebook} ${each.cell}`,
          name: (
            <>
              <Notebook path={each.notebook} open={openNotebook} trans={trans} />{' '}
              <code>{line(each.cell).slice(0, 8)}</code>
            </>
          ),
          value: each.longest,
          text: secondsText(each.longest, trans),
          more: [secondsText(each.average, trans), each.runs.toLocaleString()]
        }))}
        empty={trans.__('No cell was run in these days.')}
      />
    </Figure>
  );
}

function Approvals({ figures, trans }: IFiguresProps): React.JSX.Element {
  return (
    <Figure title={trans.__('Approvals')}>
      <Bars
        caption={trans.__('Approvals by tool and answer')}
        heads={[trans.__('Question'), trans.__('How often'), trans.__('Answered after')]}
        bars={figures.approvals.map(each => ({
          key: `${each.tool} ${each.decision}`,
          name: `${line(each.tool)}: ${decisionText(each.decision, trans)}`,
          value: each.count,
          text: each.count.toLocaleString(),
          more: [each.waited === null ? '–' : secondsText(each.waited, trans)],
          kind: each.decision === 'approved' ? 'plain' : 'bad'
        }))}
        empty={trans.__('Nothing had to be approved in these days.')}
      />
    </Figure>
  );
}

function Errors({ figures, trans }: IFiguresProps): React.JSX.Element {
  return (
    <Figure title={trans.__('Errors and warnings')} wide>
      <Bars
        caption={trans.__('What went wrong, most often first')}
        heads={[trans.__('What'), trans.__('How often'), trans.__('Last time'), trans.__('What was said')]}
        bars={figures.errors.map(each => ({
          key: `${each.source} ${each.code}`,
          name: `${sourceText(each.source, trans)}: ${line(each.code)}`,
          value: each.count,
          text: each.count.toLocaleString(),
          more: [ageText(each.latest, trans), line(each.text)],
          kind: 'bad'
        }))}
        empty={trans.__('Nothing went wrong in these days.')}
      />
    </Figure>
  );
}

interface IByDayProps {
  days: Spend[];
  measure: Measure;
  head: string;
  trans: TranslationBundle;
}

function ByDay({ days, measure, head, trans }: IByDayProps): React.JSX.Element {
  const columns = days.map(each => ({
    name: each.name,
    value: each[measure],
    text: measureText(each, measure, trans)
  }));
  return (
    <>
      <Columns columns={columns} label={trans.__('%1 by day', head)} />
      <details>
        <summary>{trans.__('As a table')}</summary>
        <Bars
          caption={trans.__('Usage by day')}
          heads={[trans.__('Day'), head, trans.__('Runs')]}
          bars={[...days].reverse().map(each => ({
            key: each.name,
            name: each.name,
            value: each[measure],
            text: measureText(each, measure, trans),
            more: [each.runs.toLocaleString()]
          }))}
          empty=""
        />
      </details>
    </>
  );
}

interface IFigureProps {
  title: string;
  note?: string;
  wide?: boolean;
  children: React.ReactNode;
}

function Figure({ title, note, wide, children }: IFigureProps): React.JSX.Element {
  return (
    <section className={`codemad-figure ${wide ? 'codemad-figure-wide' : ''}`} aria-label={title}>
      <h3>{title}</h3>
      {children}
      {note && <p className="codemad-figure-note">{note}</p>}
    </section>
  );
}

function sorted(spent: Spend[], measure: Measure): Spend[] {
  return [...spent].sort((one, other) => other[measure] - one[measure]);
}

function measureText(each: Spend, measure: Measure, trans: TranslationBundle): string {
  return measure === 'cost' ? costText(each.cost, trans) : countText(each[measure], trans);
}

function decisionText(decision: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    approved: trans.__('allowed'),
    rejected: trans.__('refused'),
    expired: trans.__('not answered'),
    waiting: trans.__('still waits')
  };
  return words[decision] ?? line(decision);
}

function sourceText(source: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    run: trans.__('Run'),
    tool: trans.__('Tool'),
    cell: trans.__('Cell'),
    notice: trans.__('Notice')
  };
  return words[source] ?? line(source);
}
