/** The Memory page: what is remembered, by where it holds, with its source and age, and the person's say in it. */
import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { addIcon, deleteIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Memory } from '../protocol';
import type { Requests } from '../requests';
import { clip, line } from '../text';
import { CommandButton } from './button';
import { usePages, usePanel, useSession } from './context';
import { ageText, modelText } from './format';
import { useLoaded } from './loaded';
import { PageFrame } from './page';

type Scope = Memory['scope'];

const SCOPES: readonly Scope[] = ['session', 'project', 'user', 'role'];

export function MemoryPage(): React.JSX.Element {
  const { session, trans } = usePanel();
  const { requests } = usePages();
  const seq = useSession(snapshot => snapshot.transcript.memorySeq);
  const id = useSession(snapshot => snapshot.transcript.session);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- a newer number means that the list has changed
  const ask = React.useCallback(() => requests.memories(), [requests, id, seq]);
  const { value, problem, isLoading } = useLoaded(ask);
  const facts = value ?? [];
  const names = scopeNames(trans);
  return (
    <PageFrame
      title={trans.__('Memory')}
      problem={problem}
      isLoading={isLoading && value === null}
      actions={
        <>
          <CommandButton
            kind="quiet"
            icon={addIcon}
            label={trans.__('Remember something')}
            onClick={() => add(requests, trans)}
          />
          <CommandButton
            kind="quiet"
            icon={deleteIcon}
            label={trans.__('Forget everything')}
            disabled={facts.length === 0}
            onClick={() =>
              forgetAll(() => session.forgetMemories(facts.map(fact => fact.id)), facts.length, trans)
            }
          />
        </>
      }
    >
      <p className="codemad-page-empty">
        {facts.length === 0 && value !== null ? trans.__('Nothing is remembered yet. ') : ''}
        {trans.__('What stands here goes along with your messages where it fits; see “What is sent”.')}
      </p>
      {SCOPES.map(scope => (
        <Group
          key={scope}
          name={names[scope]}
          facts={facts.filter(fact => fact.scope === scope)}
          current={id}
        />
      ))}
    </PageFrame>
  );
}

interface IGroupProps {
  name: string;
  facts: readonly Memory[];
  current: string;
}

function Group({ name, facts, current }: IGroupProps): React.JSX.Element | null {
  const heading = React.useId();
  if (facts.length === 0) {
    return null;
  }
  return (
    <section className="codemad-memories" aria-labelledby={heading}>
      <h3 id={heading}>{name}</h3>
      <ul>
        {facts.map(fact => (
          <Fact key={fact.id} fact={fact} current={current} />
        ))}
      </ul>
    </section>
  );
}

function Fact({ fact, current }: { fact: Memory; current: string }): React.JSX.Element {
  const { session, trans } = usePanel();
  const { requests } = usePages();
  const text = line(fact.text);
  const short = clip(text, 80);
  return (
    <li className="codemad-memory">
      <div className="codemad-memory-text">
        {!fact.confirmed && <span className="codemad-badge">{trans.__('waits for you')}</span>} {text}
      </div>
      <div className="codemad-point-detail">
        {sourceText(fact, current, trans)}
        {' · '}
        <time
          dateTime={new Date(fact.created * 1000).toISOString()}
          title={new Date(fact.created * 1000).toLocaleString()}
        >
          {ageText(fact.created, trans)}
        </time>
        {fact.uses > 0 && <> · {trans._n('used once', 'used %1 times', fact.uses, fact.uses.toString())}</>}
      </div>
      <div className="codemad-point-actions">
        {!fact.confirmed && (
          <CommandButton label={trans.__('Keep “%1”', short)} onClick={() => session.confirmMemory(fact.id)}>
            {trans.__('Keep')}
          </CommandButton>
        )}
        <CommandButton
          kind="quiet"
          label={trans.__('Edit “%1”', short)}
          onClick={() => edit(requests, fact, trans)}
        >
          {trans.__('Edit')}
        </CommandButton>
        <CommandButton
          kind="quiet"
          label={trans.__('Forget “%1”', short)}
          onClick={() => session.forgetMemories([fact.id])}
        >
          {trans.__('Forget')}
        </CommandButton>
      </div>
    </li>
  );
}

function sourceText(fact: Memory, current: string, trans: TranslationBundle): string {
  const kinds = {
    fact: trans.__('Fact'),
    preference: trans.__('Preference'),
    decision: trans.__('Decision')
  };
  const who = fact.who === 'person' ? trans.__('by you') : trans.__('by %1', modelText(fact.model, trans));
  const isElsewhere = fact.scope === 'session' && fact.session !== current;
  const where = isElsewhere ? trans.__('another conversation') : fact.scope === 'role' ? line(fact.role) : '';
  return [kinds[fact.kind], where, who].filter(Boolean).join(' · ');
}

function scopeNames(trans: TranslationBundle): Record<Scope, string> {
  return {
    session: trans.__('In one conversation'),
    project: trans.__('In this project'),
    user: trans.__('About you, everywhere'),
    role: trans.__('For roles')
  };
}

async function add(requests: Requests, trans: TranslationBundle): Promise<void> {
  const { value } = await InputDialog.getText({
    title: trans.__('Remember in this project'),
    label: trans.__('One fact, in a sentence'),
    okLabel: trans.__('Remember')
  });
  if (value?.trim()) {
    await requests.remember(value.trim());
  }
}

async function edit(requests: Requests, fact: Memory, trans: TranslationBundle): Promise<void> {
  const { value } = await InputDialog.getText({
    title: trans.__('Change what is remembered'),
    text: fact.text
  });
  if (value?.trim() && value.trim() !== fact.text) {
    await requests.editMemory(fact.id, value.trim());
  }
}

async function forgetAll(act: () => Promise<void>, count: number, trans: TranslationBundle): Promise<void> {
  const answer = await showDialog({
    title: trans.__('Forget everything?'),
    body: trans._n(
      '%1 fact is forgotten for good.',
      '%1 facts are forgotten for good, those of other projects about you as well.',
      count,
      count.toString()
    ),
    buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Forget') })]
  });
  if (answer.button.accept) {
    await act();
  }
}
