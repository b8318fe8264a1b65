/** The session of somebody else of the hub: drawn like one's own, with nothing in it to decide. */
import { closeIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { SharedWithMe } from '../protocol';
import { problemOf } from '../problems';
import type { IVisit } from '../sharing';
import { line } from '../text';
import { Button } from './button';
import { PagesContext, PanelContext, usePages, usePanel, useSession } from './context';
import { sendIcon } from './icons';
import { ProblemView } from './problem';
import { Transcript } from './transcript';

export function VisitPage(): React.JSX.Element | null {
  const { pages } = usePages();
  const there = React.useSyncExternalStore(pages.subscribe, pages.getVisited);
  return there && <Visit key={`${there.owner} ${there.session}`} there={there} />;
}

function Visit({ there }: { there: SharedWithMe }): React.JSX.Element {
  const panel = usePanel();
  const { pages, sharing } = usePages();
  const [visit, setVisit] = React.useState<IVisit | null>(null);
  React.useEffect(() => {
    const begun = sharing.visit(there);
    setVisit(begun);
    void begun.session.open();
    return () => {
      begun.source.dispose();
    };
  }, [sharing, there]);
  const { trans } = panel;
  const owner = line(there.owner);
  const title = trans.__('%1 of %2', line(there.title) || trans.__('Untitled session'), owner);
  const texts = {
    read: trans.__('%1 lets you read this.', owner),
    comment: trans.__('%1 lets you read this and comment.', owner),
    drive: trans.__('%1 lets you read this, comment, and ask here in your name.', owner)
  };
  return (
    <section className="codemad-page" aria-label={title}>
      <div className="codemad-page-head">
        <h2>{title}</h2>
        <Button
          kind="quiet"
          icon={closeIcon}
          label={trans.__('Back to the sessions')}
          onClick={() => {
            pages.show('sessions');
          }}
        />
      </div>
      <p className="codemad-visit-note">{texts[there.permission]}</p>
      {visit && (
        <PanelContext.Provider
          value={{ ...panel, session: visit.session, openDiff: undefined, owner: there.owner }}
        >
          <PagesContext.Provider value={null}>
            <Transcript openModels={() => undefined} />
          </PagesContext.Provider>
          <ProblemView />
          {there.permission !== 'read' && <Words visit={visit} mayAsk={there.permission === 'drive'} />}
        </PanelContext.Provider>
      )}
    </section>
  );
}

function Words({ visit, mayAsk }: { visit: IVisit; mayAsk: boolean }): React.JSX.Element {
  const { trans } = usePanel();
  const [text, setText] = React.useState('');
  const [problem, setProblem] = React.useState('');
  const isSending = useSession(snapshot => snapshot.sending !== null);
  const isRunning = useSession(snapshot => snapshot.transcript.running !== null);
  const comment = async (): Promise<void> => {
    try {
      await visit.source.comment(text);
      setText('');
      setProblem('');
    } catch (reason) {
      setProblem(line(problemOf(reason).message));
    }
  };
  const ask = async (): Promise<void> => {
    if (await visit.session.submit(text)) {
      setText('');
    }
  };
  const isEmpty = !text.trim();
  return (
    <form
      className="codemad-composer codemad-visit-words"
      onSubmit={event => {
        event.preventDefault();
      }}
    >
      <textarea
        className="codemad-input"
        rows={2}
        value={text}
        aria-label={mayAsk ? trans.__('Comment or message') : trans.__('Comment')}
        placeholder={
          mayAsk
            ? trans.__('Comment, or ask with what is allowed there')
            : trans.__('Say something to the people')
        }
        onChange={event => {
          setText(event.target.value);
        }}
      />
      {problem && <p role="alert">{problem}</p>}
      <div className="codemad-composer-line codemad-visit-buttons">
        <Button disabled={isEmpty} onClick={() => void comment()}>
          {trans.__('Comment')}
        </Button>
        {mayAsk && (
          <Button
            kind="primary"
            icon={sendIcon}
            disabled={isEmpty || isSending || isRunning}
            onClick={() => void ask()}
          >
            {trans.__('Ask')}
          </Button>
        )}
      </div>
    </form>
  );
}
