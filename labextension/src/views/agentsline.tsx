/** What the conversation shows of agents: a line that leads to the run view, and what was said to them. */
import React from 'react';

import { MAIN, isOver } from '../crew';
import type { ISteered } from '../crew';
import { line, plain } from '../text';
import type { IRun } from '../transcript';
import { Button } from './button';
import { PagesContext, usePanel } from './context';
import { agentsIcon } from './icons';

/** How many agents work, or did. Where there is no panel around it, as in a tab, it leads nowhere. */
export function AgentsLine({ run }: { run: IRun }): React.JSX.Element | null {
  const { trans } = usePanel();
  const pages = React.useContext(PagesContext)?.pages;
  const agents = run.agents.filter(({ status }) => status.name !== MAIN);
  const working = agents.filter(({ status }) => !isOver(status)).length;
  if (!agents.length || !pages) {
    return null;
  }
  return (
    <div className="codemad-agents-line">
      <Button
        icon={agentsIcon}
        onClick={() => {
          pages.show('run');
        }}
      >
        {working > 0
          ? trans._n('%1 agent at work', '%1 agents at work', working)
          : trans._n('%1 agent worked on it', '%1 agents worked on it', agents.length)}
      </Button>
    </div>
  );
}

export function SteeredView({ item }: { item: ISteered }): React.JSX.Element {
  const { trans } = usePanel();
  const words = {
    waiting: trans.__('read before the next step'),
    read: '',
    unread: trans.__('not read: it had ended')
  };
  const to = item.agent === MAIN ? '' : trans.__('to %1', line(item.agent, 80));
  const about = [to, words[item.state]].filter(Boolean).join(' · ');
  return (
    <div className="codemad-prompt codemad-steered" role="note" aria-label={trans.__('You said')}>
      <div className="codemad-prompt-text">{plain(item.text)}</div>
      {about && <div className="codemad-prompt-where">{about}</div>}
    </div>
  );
}
