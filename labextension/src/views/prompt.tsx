/** What was asked, by whom and about what. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { clip, line, plain } from '../text';
import type { IRun } from '../transcript';
import { usePanel } from './context';
import { baseName } from './format';

/** Characters from which a prompt may need scrolling, and the most that is drawn of one. */
const LONG = 400;
const PROMPT_SHOWN = 20_000;

export function PromptBubble({ run }: { run: IRun }): React.JSX.Element {
  const { owner, trans } = usePanel();
  const { notebook } = run.target;
  const origins: Partial<Record<IRun['edge'], string>> = {
    magic: trans.__('from a cell'),
    sidebar: '',
    guest: ''
  };
  const who = line(run.guest || (owner ?? ''));
  const where = [who, notebook ? baseName(notebook) : '', origins[run.edge] ?? run.edge]
    .filter(Boolean)
    .join(' · ');
  return (
    <div className="codemad-prompt">
      <div className="codemad-prompt-text" tabIndex={run.prompt.length > LONG ? 0 : undefined}>
        {clip(plain(run.prompt), PROMPT_SHOWN)}
      </div>
      {where && <div className="codemad-prompt-where">{where}</div>}
    </div>
  );
}

/** The same for screen readers. */
export function askedText(run: IRun, owner: string | undefined, trans: TranslationBundle): string {
  const [who, prompt] = [line(run.guest || (owner ?? '')), clip(line(run.prompt), 100)];
  return who ? trans.__('%1 asked: %2', who, prompt) : trans.__('You asked: %1', prompt);
}
