/** What was spent, what is slow, what was approved and what went wrong in the last days. */
import { refreshIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IProblem } from '../problems';
import { problemOf } from '../problems';
import type { Dashboard, Spend } from '../protocol';
import { line } from '../text';
import type { IBar } from './bars';
import { Bars, Columns, countText } from './bars';
import { Button, CommandButton } from './button';
import { ageText, baseName, costText, modelText, secondsText } from './format';

export const SPANS = [7, 30, 90] as const;

type Measure = 'cost' | 'calls' | 'tokens';

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

interface IFiguresProps {
  figures: Dashboard;
  openNotebook: (path: string) => void;
  trans: TranslationBundle;
}

function Figures({ figures, openNotebook, trans }: IFiguresProps): React.JSX.Element {
  const { total } = figures;
  const [chosen, setChosen] = React.useState<Measure | null>(null);
  const measure = chosen ?? (total.cost > 0 ? 'cost' : 'calls');
  const names: Record<Measure, string> = {
    cost: trans.__('Cost'),
    calls: trans.__('Calls'),
    tokens: trans.__('Tokens')
  };
  const notebook = (path: string): React.ReactNode =>
    path ? (
      <Button
        kind="quiet"
        className="codemad-link"
        label={line(path)}
        onClick={() => {
          openNotebook(path);
        }}
      >
        {baseName(path)}
      </Button>
    ) : (
      trans.__('no notebook')
    );
  const spent = (each: Spend, name: React.ReactNode): IBar => ({
    key: each.name,
    name,
    value: each[measure],
    text: measureText(each, measure, trans),
    more: [
      countText(measure === 'calls' ? each.tokens : each.calls, trans),
      each.seconds === null ? '–' : secondsText(each.seconds, trans)
    ]
  });
  const spentHeads = (first: string): string[] => [
    first,
    names[measure],
    measure === 'calls' ? names.tokens : names.calls,
    trans.__('Median answer')
  ];
  return (
    <>
      <Totals total={total} trans={trans} />
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
        <Figure title={trans.__('By day')} wide note={trans.__('Days are those of UTC.')}>
          <ByDay days={figures.by_day} measure={measure} head={names[measure]} trans={trans} />
        </Figure>
        <Figure title={trans.__('By model')}>
          <Bars
            caption={trans.__('Usage by model')}
            heads={spentHeads(trans.__('Model'))}
            bars={sorted(figures.by_model, measure).map(each =>
              spent(each, <span title={line(each.name)}>{modelText(each.name, trans)}</span>)
            )}
            empty={trans.__('No model was called in these days.')}
          />
        </Figure>
        <Figure title={trans.__('By notebook')}>
          <Bars
            caption={trans.__('Usage by notebook')}
            heads={spentHeads(trans.__('Notebook'))}
            bars={sorted(figures.by_notebook, measure).map(each => spent(each, notebook(each.name)))}
            empty={trans.__('No model was called in these days.')}
          />
        </Figure>
        <Figure title={trans.__('Slow cells')} note={trans.__('Cells that CodeMAD ran for you.')}>
          <Bars
            caption={trans.__('Slowest cells')}
            heads={[trans.__('Cell'), trans.__('Longest'), trans.__('Average'), trans.__('Runs')]}
            bars={figures.slow_cells.map(each => ({
              key: `${each.notebook} ${each.cell}`,
              name: (
                <>
                  {notebook(each.notebook)} <code>{line(each.cell).slice(0, 8)}</code>
                </>
              ),
              value: each.longest,
              text: secondsText(each.longest, trans),
              more: [secondsText(each.average, trans), each.runs.toLocaleString()]
            }))}
            empty={trans.__('No cell was run in these days.')}
          />
        </Figure>
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
        <Figure title={trans.__('Errors and warnings')} wide>
          <Bars
            caption={trans.__('What went wrong, most often first')}
            heads={[
              trans.__('What'),
              trans.__('How often'),
              trans.__('Last time'),
              trans.__('What was said')
            ]}
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
      </div>
    </>
  );
}

function Totals({ total, trans }: { total: Spend; trans: TranslationBundle }): React.JSX.Element {
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
