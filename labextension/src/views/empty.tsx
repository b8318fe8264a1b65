/** The panel before the first question: what to try, who answers, how to get a model. */
import React from 'react';

import { Button, CommandButton, Icon } from './button';
import { usePanel, useSession } from './context';
import { OFFLINE, modelText } from './format';
import { logoIcon } from './icons';

export function Empty({ openModels }: { openModels: () => void }): React.JSX.Element {
  const { session, trans } = usePanel();
  const model = useSession(snapshot => snapshot.transcript.model || snapshot.defaultModel);
  const examples = [
    trans.__('plot the mean radius by diagnosis'),
    trans.__('describe the dataframe df'),
    trans.__('which columns of df have missing values?')
  ];
  const isBuiltIn = model === OFFLINE || model === '';
  return (
    <div className="codemad-empty">
      <Icon of={logoIcon} className="codemad-empty-logo" />
      <h2 className="codemad-empty-title">{trans.__('What shall we do?')}</h2>
      <p className="codemad-empty-text">
        {trans.__(
          'CodeMAD sees your notebook and its live variables. Changes are proposals until you accept them.'
        )}
      </p>
      <div className="codemad-examples">
        {examples.map(example => (
          <CommandButton key={example} className="codemad-example" onClick={() => session.submit(example)}>
            {example}
          </CommandButton>
        ))}
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
