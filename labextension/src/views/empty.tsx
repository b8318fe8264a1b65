/** The panel before the first question: what to try with what is there, who answers, how to get a model. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Mention } from '../protocol';
import { Button, CommandButton, Icon } from './button';
import { usePages, usePanel, useSession } from './context';
import { OFFLINE, modelText } from './format';
import { logoIcon } from './icons';
import { useLoaded } from './loaded';

/** Looking at the kernel waits until the person rests in a cell. */
const REST = 300;
/** Who runs a cell goes on to the next one before it has ended: one looks a few times more, this far apart. */
const AGAIN = 2000;
const LOOKS = 10;

export function Empty({ openModels }: { openModels: () => void }): React.JSX.Element {
  const { trans } = usePanel();
  const model = useSession(snapshot => snapshot.transcript.model || snapshot.defaultModel);
  const notebook = useNotebook();
  const isBuiltIn = model === OFFLINE || model === '';
  return (
    <div className="codemad-empty">
      <Icon of={logoIcon} className="codemad-empty-logo" />
      <h2 className="codemad-empty-title">{trans.__('What shall we do?')}</h2>
      <p className="codemad-empty-text">
        {notebook
          ? trans.__(
              'CodeMAD sees your notebook and its live variables. Changes are proposals until you accept them.'
            )
          : trans.__('Open a notebook, and ask about its cells and live variables.')}
      </p>
      <div className="codemad-examples">
        {notebook ? <Examples key={notebook} /> : <Example text="/help" />}
      </div>
      <p className="codemad-empty-model">
        {isBuiltIn
          ? trans.__('Built-in assistant, no key needed.')
          : trans.__('%1 answers.', modelText(model, trans))}{' '}
        <Button kind="quiet" className="codemad-link" onClick={openModels}>
          {isBuiltIn ? trans.__('Connect a model') : trans.__('Change the model')}
        </Button>
      </p>
    </div>
  );
}

/** What could be asked about the notebook in front and the variables of its kernel. */
function Examples(): React.JSX.Element {
  const { notebooks, trans } = usePanel();
  const { requests } = usePages();
  const [look, setLook] = React.useState(0);
  React.useEffect(() => {
    const first = (): void => {
      setLook(last => (last === 0 ? LOOKS : 0));
    };
    notebooks.changed.connect(first);
    return () => {
      notebooks.changed.disconnect(first);
    };
  }, [notebooks]);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- another look asks the same again
  const ask = React.useCallback(() => requests.mentions('var:'), [requests, look]);
  const { value, isLoading } = useLoaded(ask, REST);
  const table = tableIn(value ?? []);
  React.useEffect(() => {
    const more = !table && !isLoading && look % LOOKS < LOOKS - 1;
    const again = (): void => {
      setLook(look + 1);
    };
    const timer = more ? window.setTimeout(again, AGAIN) : 0;
    return () => {
      window.clearTimeout(timer);
    };
  }, [table, isLoading, look]);
  return (
    <>
      {examplesFor(table, trans).map(example => (
        <Example key={example} text={example} />
      ))}
    </>
  );
}

function Example({ text }: { text: string }): React.JSX.Element {
  const { session } = usePanel();
  return (
    <CommandButton className="codemad-example" onClick={() => session.submit(text)}>
      {text}
    </CommandButton>
  );
}

/** The first table among the variables. */
export function tableIn(known: readonly Mention[]): string | undefined {
  return known.find(({ kind, detail }) => kind === 'variable' && /\bDataFrame\b/.test(detail))?.name;
}

/** Questions that have an answer: about a table where one is in the kernel, else about the notebook. */
export function examplesFor(table: string | undefined, trans: TranslationBundle): string[] {
  return table
    ? [
        trans.__('describe %1', table),
        trans.__('are there missing values in %1?', table),
        trans.__('show the correlations of %1', table)
      ]
    : [trans.__('what do I have?'), trans.__('explain cell 1'), '/help'];
}

function useNotebook(): string | null {
  const { notebooks } = usePanel();
  return React.useSyncExternalStore(
    React.useCallback(
      listen => {
        notebooks.changed.connect(listen);
        return () => notebooks.changed.disconnect(listen);
      },
      [notebooks]
    ),
    () => notebooks.active
  );
}
