/** Two branches side by side: what both have, what each said and proposed after that, and what to take over. */
import { undoIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { BranchComparison, BranchSide, SessionTree, SideEdit } from '../protocol';
import { clip, line, plain } from '../text';
import { Button, CommandButton } from './button';
import { usePages, usePanel, useSession } from './context';
import { useLoaded } from './loaded';
import { PageFrame } from './page';

/** Characters of a message or a diff that are drawn. */
const SHOWN = 4_000;

export interface IComparisonProps {
  tree: SessionTree;
  /** The branch that is put beside the one the session stands on. */
  branch: string;
  leave: () => void;
}

export function Comparison({ tree, branch, leave }: IComparisonProps): React.JSX.Element {
  const { trans } = usePanel();
  const { branches, pages } = usePages();
  const id = tree.session.id;
  const seq = useSession(snapshot => snapshot.transcript.treeSeq);
  const isRunning = useSession(snapshot => snapshot.transcript.running !== null);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- a newer number means that the branches have changed
  const ask = React.useCallback(() => branches.compare(id, branch), [branches, id, branch, seq]);
  const { value, problem, isLoading } = useLoaded(ask);
  const [chosen, setChosen] = React.useState<ReadonlySet<string>>(new Set());
  const toggle = (name: string): void => {
    const next = new Set(chosen);
    if (!next.delete(name)) {
      next.add(name);
    }
    setChosen(next);
  };
  const merge = async (found: BranchComparison): Promise<void> => {
    const entries = found.right.messages.map(each => each.entry).filter(name => chosen.has(name));
    const edits = found.right.edits.map(each => each.edit).filter(name => chosen.has(name));
    if (await branches.merge(found.right.branch, entries, edits)) {
      setChosen(new Set());
      leave();
      pages.show('chat');
    }
  };
  return (
    <PageFrame
      title={trans.__('Two branches side by side')}
      problem={problem}
      isLoading={isLoading && value === null}
      actions={
        <Button
          kind="quiet"
          icon={undoIcon}
          label={trans.__('Back to sessions and branches')}
          onClick={leave}
        />
      }
    >
      {value && (
        <>
          <p className="codemad-page-empty">
            {trans._n(
              'Both begin with %1 message.',
              'Both begin with %1 messages.',
              value.common,
              value.common.toString()
            )}{' '}
            {value.ancestor ? trans.__('The last: %1', clip(line(value.ancestor.text), 200)) : ''}
          </p>
          <div className="codemad-sides">
            <Side side={value.left} title={trans.__('“%1”, where you are', line(value.left.name))} />
            <Side
              side={value.right}
              title={trans.__('“%1”', line(value.right.name))}
              chosen={chosen}
              toggle={toggle}
            />
          </div>
          <div className="codemad-point-actions">
            <CommandButton
              kind="primary"
              disabled={chosen.size === 0 || isRunning}
              onClick={() => merge(value)}
            >
              {trans._n('Take %1 over', 'Take %1 over', chosen.size, chosen.size.toString())}
            </CommandButton>
          </div>
          <p className="codemad-page-empty">
            {trans.__('Messages are added where you are. Changes become proposals for your review.')}
          </p>
        </>
      )}
    </PageFrame>
  );
}

interface ISideProps {
  side: BranchSide;
  title: string;
  /** What is chosen to be taken over; without it there is nothing to choose. */
  chosen?: ReadonlySet<string>;
  toggle?: (name: string) => void;
}

function Side({ side, title, chosen, toggle }: ISideProps): React.JSX.Element {
  const { trans } = usePanel();
  const heading = React.useId();
  const box = (name: string, label: string): React.JSX.Element | null =>
    chosen && toggle ? (
      <input
        type="checkbox"
        aria-label={label}
        checked={chosen.has(name)}
        onChange={() => {
          toggle(name);
        }}
      />
    ) : null;
  const isEmpty = side.messages.length + side.edits.length === 0;
  return (
    <section className="codemad-branch-side" aria-labelledby={heading}>
      <h3 id={heading}>{title}</h3>
      {isEmpty && <p className="codemad-page-empty">{trans.__('Nothing more.')}</p>}
      <ul>
        {side.messages.map(message => {
          const who = message.role === 'user' ? trans.__('You') : trans.__('CodeMAD');
          const tools = message.tools.length ? trans.__('Uses %1', line(message.tools.join(', '))) : '';
          return (
            <li key={message.entry} className="codemad-said">
              {message.text
                ? box(message.entry, trans.__('Take over: %1', clip(line(message.text), 80)))
                : null}
              <div className="codemad-said-text">
                <strong>{who}</strong> {clip(plain(message.text), SHOWN)}
                {tools && <div className="codemad-point-detail">{tools}</div>}
              </div>
            </li>
          );
        })}
        {side.edits.map(edit => (
          <li key={edit.edit} className="codemad-said">
            {box(edit.edit, trans.__('Take over the change: %1', clip(line(edit.title), 80)))}
            <EditView edit={edit} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function EditView({ edit }: { edit: SideEdit }): React.JSX.Element {
  const where = edit.cell ? `${line(edit.path)} · ${line(edit.cell)}` : line(edit.path);
  return (
    <div className="codemad-said-text">
      <span className="codemad-badge">{edit.status}</span> {line(edit.title)}
      <div className="codemad-point-detail">{where}</div>
      <pre className="codemad-side-diff" tabIndex={0}>
        {clip(plain(edit.diff), SHOWN)}
      </pre>
    </div>
  );
}
