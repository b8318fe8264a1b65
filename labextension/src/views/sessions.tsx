/** The Sessions page: all sessions with a search, the tree of the one shown, and two branches side by side. */
import { InputDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { fileUploadIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Branches, Format } from '../branches';
import type { SessionHit, SessionInfo } from '../protocol';
import { line } from '../text';
import { Button, CommandButton } from './button';
import { Comparison } from './comparison';
import { usePages, usePanel, useSession } from './context';
import { ageText, ordered } from './format';
import { pinIcon } from './icons';
import { useLoaded } from './loaded';
import { Menu } from './menu';
import { PageFrame } from './page';
import { Shares, share } from './shares';
import { TreeView } from './tree';

/** Milliseconds after the last letter before the server is asked. */
const PAUSE = 250;

export function SessionsPage(): React.JSX.Element {
  const { trans } = usePanel();
  const { branches } = usePages();
  const [compared, setCompared] = React.useState('');
  const id = useSession(snapshot => snapshot.transcript.session);
  const seq = useSession(snapshot => snapshot.transcript.treeSeq);
  const ask = React.useCallback(
    async () => (id ? branches.tree(id) : null),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- a newer number means that the tree has changed
    [branches, id, seq]
  );
  const { value, problem, isLoading } = useLoaded(ask);
  React.useEffect(() => {
    setCompared('');
  }, [id]);
  if (compared && value) {
    return (
      <Comparison
        tree={value}
        branch={compared}
        leave={() => {
          setCompared('');
        }}
      />
    );
  }
  return (
    <PageFrame
      title={trans.__('Sessions and branches')}
      problem={problem}
      isLoading={isLoading && value === null}
      actions={<ImportButton />}
    >
      {value && <TreeView tree={value} compare={setCompared} />}
      <Sessions />
      <Shares />
    </PageFrame>
  );
}

function Sessions(): React.JSX.Element {
  const { trans } = usePanel();
  const { branches } = usePages();
  const heading = React.useId();
  const sessions = useSession(snapshot => snapshot.sessions);
  const [query, setQuery] = React.useState('');
  const [withArchived, setArchived] = React.useState(false);
  const wanted = query.trim();
  const ask = React.useCallback(async () => (wanted ? branches.search(wanted) : []), [branches, wanted]);
  const { value: hits, problem } = useLoaded(ask, wanted ? PAUSE : 0);
  const shown = ordered(sessions, withArchived).filter(info => isFound(info, wanted, hits ?? []));
  return (
    <section className="codemad-memories" aria-labelledby={heading}>
      <h3 id={heading}>{trans.__('All sessions')}</h3>
      <div className="codemad-session-search">
        <input
          type="search"
          className="jp-mod-styled"
          aria-label={trans.__('Search sessions')}
          placeholder={trans.__('Search titles and messages')}
          value={query}
          onChange={event => {
            setQuery(event.target.value);
          }}
        />
        <label>
          <input
            type="checkbox"
            checked={withArchived}
            onChange={event => {
              setArchived(event.target.checked);
            }}
          />{' '}
          {trans.__('Archived')}
        </label>
      </div>
      {problem && <p role="alert">{line(problem.message)}</p>}
      {shown.length === 0 && <p className="codemad-page-empty">{trans.__('No session.')}</p>}
      <ul aria-label={trans.__('Sessions')}>
        {shown.map(info => (
          <SessionRow key={info.id} info={info} hit={(hits ?? []).find(hit => hit.session === info.id)} />
        ))}
      </ul>
    </section>
  );
}

/** By its title, or by what was said in it. */
function isFound(info: SessionInfo, query: string, hits: readonly SessionHit[]): boolean {
  const isTitled = info.title.toLowerCase().includes(query.toLowerCase());
  return isTitled || hits.some(hit => hit.session === info.id);
}

function SessionRow({ info, hit }: { info: SessionInfo; hit?: SessionHit }): React.JSX.Element {
  const { session, trans } = usePanel();
  const { branches, pages } = usePages();
  const isShown = useSession(snapshot => snapshot.transcript.session) === info.id;
  const title = line(info.title) || trans.__('Untitled session');
  return (
    <li className="codemad-session" aria-current={isShown ? 'true' : undefined}>
      <Button
        kind="quiet"
        icon={pinIcon}
        label={info.pinned ? trans.__('No longer pin “%1”', title) : trans.__('Pin “%1”', title)}
        pressed={info.pinned}
        className="codemad-pin"
        onClick={() => void branches.arrange(info, { pinned: !info.pinned })}
      />
      <div className="codemad-session-text">
        <button
          type="button"
          className="codemad-session-title"
          onClick={() => {
            session.choose(info.id);
            pages.show('chat');
          }}
        >
          {title}
        </button>
        <div className="codemad-point-detail">
          {ageText(info.updated, trans)}
          {info.origin ? ` · ${trans.__('fork')}` : ''}
          {info.archived ? ` · ${trans.__('archived')}` : ''}
          {isShown ? ` · ${trans.__('shown')}` : ''}
        </div>
        {hit && <div className="codemad-point-detail codemad-session-hit">{line(hit.excerpt, 200)}</div>}
      </div>
      <SessionMenu info={info} title={title} />
    </li>
  );
}

function SessionMenu({ info, title }: { info: SessionInfo; title: string }): React.JSX.Element {
  const { trans } = usePanel();
  const { branches, sharing } = usePages();
  const save = (format: Format) => () => void download(branches, info.id, format);
  const entries = [
    { key: 'rename', label: trans.__('Rename…'), run: () => void rename(branches, info, trans) },
    {
      key: 'archive',
      label: info.archived ? trans.__('Bring back') : trans.__('Archive'),
      run: () => void branches.arrange(info, { archived: !info.archived })
    },
    { key: 'share', label: trans.__('Share…'), run: () => void share(sharing, info, trans) },
    {
      key: 'markdown',
      heading: trans.__('Export'),
      label: trans.__('As Markdown'),
      run: save('markdown')
    },
    { key: 'ipynb', label: trans.__('As a notebook'), run: save('ipynb') },
    { key: 'json', label: trans.__('As JSON, to be imported'), run: save('json') }
  ];
  return (
    <Menu label={trans.__('More about “%1”', title)} entries={entries} className="codemad-session-menu">
      {''}
    </Menu>
  );
}

function ImportButton(): React.JSX.Element {
  const { session, trans } = usePanel();
  const { branches } = usePages();
  const input = React.useRef<HTMLInputElement>(null);
  const read = async (file: File | undefined): Promise<void> => {
    if (file) {
      await branches.import(await file.text());
    }
  };
  return (
    <>
      <input
        ref={input}
        type="file"
        accept=".json"
        hidden
        onChange={event => {
          void read(event.target.files?.[0]);
          event.target.value = '';
        }}
      />
      <CommandButton
        kind="quiet"
        icon={fileUploadIcon}
        label={trans.__('Import a session')}
        onClick={async () => {
          session.dismiss();
          input.current?.click();
          return Promise.resolve();
        }}
      />
    </>
  );
}

async function rename(branches: Branches, info: SessionInfo, trans: TranslationBundle): Promise<void> {
  const { value } = await InputDialog.getText({ title: trans.__('Rename session'), text: info.title });
  if (value?.trim()) {
    await branches.rename(info.id, value.trim());
  }
}

const TYPES: Record<Format, string> = {
  markdown: 'text/markdown',
  ipynb: 'application/x-ipynb+json',
  json: 'application/json'
};

/** Give the session to the browser as a file. */
async function download(branches: Branches, session: string, format: Format): Promise<void> {
  const { name, text } = await branches.export(session, format);
  const address = URL.createObjectURL(new Blob([text], { type: TYPES[format] }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
