/** The Context page: exactly what the next message would send, part by part, and how much data may go. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretRightIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { ContextPreview, PreviewPart } from '../protocol';
import { line, plain } from '../text';
import { Icon } from './button';
import { usePages, usePanel, useSession } from './context';
import { baseName, modelText } from './format';
import { IndexState } from './indexing';
import { useLoaded } from './loaded';
import type { IMenuEntry } from './menu';
import { Menu } from './menu';
import { PageFrame } from './page';

type Level = ContextPreview['level'];

const LEVELS: readonly Level[] = ['schema', 'statistics', 'samples', 'outputs', 'images'];
/** Milliseconds of quiet typing before the preview is made anew. */
const QUIET = 400;

export function Preview(): React.JSX.Element {
  const { session, notebooks, trans } = usePanel();
  const { requests, pages } = usePages();
  const draft = React.useSyncExternalStore(pages.subscribe, pages.getDraft);
  const seq = useSession(snapshot => snapshot.transcript.contextSeq);
  const active = React.useSyncExternalStore(
    React.useCallback(
      listen => {
        notebooks.changed.connect(listen);
        return () => notebooks.changed.disconnect(listen);
      },
      [notebooks]
    ),
    () => notebooks.active ?? ''
  );
  const pieces = React.useSyncExternalStore(session.quotes.subscribe, session.quotes.getSnapshot);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- other pieces, another notebook, or a newer number: another context
  const ask = React.useCallback(() => requests.preview(draft), [requests, draft, seq, active, pieces]);
  const { value, problem, isLoading } = useLoaded(ask, QUIET);
  return (
    <PageFrame title={trans.__('What is sent')} problem={problem} isLoading={isLoading && value === null}>
      {value && (
        <>
          <Summary preview={value} notebook={active} />
          <ul className="codemad-parts" aria-label={trans.__('Parts of the request')}>
            {gathered(value.parts, trans).map((part, index) => (
              <Part key={`${part.name}-${index}`} part={part} total={value.tokens} />
            ))}
          </ul>
        </>
      )}
      <IndexState />
    </PageFrame>
  );
}

function Summary({ preview, notebook }: { preview: ContextPreview; notebook: string }): React.JSX.Element {
  const { trans } = usePanel();
  const { requests } = usePages();
  const masked = preview.parts.reduce((sum, part) => sum + part.masked, 0);
  const names = levelNames(trans);
  const entries: IMenuEntry[] = LEVELS.map(level => ({
    key: level,
    label: names[level][0],
    detail: names[level][1],
    checked: level === preview.level,
    run: () => {
      void requests.chooseDataLevel(level, notebook || null);
    }
  }));
  const window = preview.window
    ? trans.__('%1 of %2 tokens', preview.tokens.toLocaleString(), preview.window.toLocaleString())
    : trans.__('%1 tokens', preview.tokens.toLocaleString());
  return (
    <div className="codemad-preview-head">
      <p>
        {preview.leaves
          ? trans.__('Goes to %1. ', modelText(preview.model, trans))
          : trans.__('Stays on this machine: %1. ', modelText(preview.model, trans))}
        {trans.__('About %1.', window)}{' '}
        {masked > 0 && trans._n('%1 secret is masked.', '%1 secrets are masked.', masked, masked.toString())}{' '}
        {preview.images > 0 && trans._n('%1 image.', '%1 images.', preview.images, preview.images.toString())}
      </p>
      <div className="codemad-preview-level">
        <span>
          {notebook ? trans.__('Data of %1:', baseName(notebook)) : trans.__('Data of all notebooks:')}
        </span>
        <Menu label={trans.__('Data level: %1', names[preview.level][0])} entries={entries}>
          <span className="codemad-menu-name">{names[preview.level][0]}</span>
        </Menu>
      </div>
    </div>
  );
}

function Part({ part, total }: { part: PreviewPart; total: number }): React.JSX.Element {
  const { trans } = usePanel();
  const [isOpen, setOpen] = React.useState(false);
  const id = React.useId();
  const share = total > 0 ? Math.max(1, Math.round((100 * part.tokens) / total)) : 0;
  return (
    <li className="codemad-part">
      <button
        type="button"
        className="codemad-part-head"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => {
          setOpen(!isOpen);
        }}
      >
        <Icon of={caretRightIcon} className="codemad-caret" />
        <span className="codemad-part-name">{partName(part.name, trans)}</span>
        {part.masked > 0 && (
          <span className="codemad-badge">{trans.__('%1 masked', part.masked.toString())}</span>
        )}
        {part.truncated && <span className="codemad-badge">{trans.__('cut')}</span>}
        <span className="codemad-part-tokens">{part.tokens.toLocaleString()}</span>
      </button>
      <div className="codemad-part-bar" aria-hidden="true">
        <span style={{ width: `${share}%` }} />
      </div>
      {isOpen && part.left_out.length > 0 && (
        <p className="codemad-muted">
          {trans.__('Cut or left out to fit the window: %1', line(part.left_out.join(', ')))}
        </p>
      )}
      {isOpen && (
        <pre id={id} className="codemad-part-text" tabIndex={0} aria-label={partName(part.name, trans)}>
          {plain(part.text)}
        </pre>
      )}
    </li>
  );
}

/** The messages so far as one part: each is there in full, under who said it. */
function gathered(parts: readonly PreviewPart[], trans: TranslationBundle): PreviewPart[] {
  const roles: Record<string, string> = {
    user: trans.__('You'),
    assistant: trans.__('The model'),
    tool: trans.__('A tool’s result')
  };
  const found: PreviewPart[] = [];
  for (const part of parts) {
    const [, number, role] = /^history (\d+): (\w+)$/.exec(part.name) ?? [];
    if (!number) {
      found.push(part);
      continue;
    }
    const who = Object.hasOwn(roles, role) ? roles[role] : role;
    const said = { ...part, name: 'history', text: `${number} · ${who}\n${part.text}` };
    const last = found.at(-1);
    if (last?.name === 'history') {
      found[found.length - 1] = joined(last, said);
    } else {
      found.push(said);
    }
  }
  return found;
}

function joined(one: PreviewPart, other: PreviewPart): PreviewPart {
  return {
    name: one.name,
    text: `${one.text}\n\n${other.text}`,
    tokens: one.tokens + other.tokens,
    truncated: one.truncated || other.truncated,
    masked: one.masked + other.masked,
    left_out: [...one.left_out, ...other.left_out]
  };
}

function partName(name: string, trans: TranslationBundle): string {
  const names: Record<string, string> = {
    instructions: trans.__('Instructions'),
    tools: trans.__('Tools'),
    history: trans.__('Conversation so far'),
    rules: trans.__('Rules of the project'),
    memory: trans.__('Memory'),
    kernel: trans.__('Live variables'),
    notebook: trans.__('Notebook'),
    attachments: trans.__('Attached'),
    prompt: trans.__('Your message')
  };
  const [kind, file] = [name.slice(0, name.indexOf(' ')), name.slice(name.indexOf(' ') + 1)];
  if (kind === 'rules') {
    return trans.__('Rules of %1', line(file));
  }
  return Object.hasOwn(names, name) ? names[name] : line(name);
}

function levelNames(trans: TranslationBundle): Record<Level, [string, string]> {
  return {
    schema: [trans.__('Names and types'), trans.__('no values')],
    statistics: [trans.__('up to statistics'), trans.__('counts, ranges, means')],
    samples: [trans.__('up to samples'), trans.__('example values')],
    outputs: [trans.__('up to outputs'), trans.__('text that cells printed')],
    images: [trans.__('up to images'), trans.__('figures as pictures')]
  };
}
