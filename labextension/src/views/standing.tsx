/** Below the message: who is asked before something happens, and what confines commands. */
import React from 'react';

import type { Standing } from '../protocol';
import { line } from '../text';
import { usePages, usePanel, useSession } from './context';
import { useLoaded } from './loaded';
import { Menu } from './menu';

export function StandingLine(): React.JSX.Element | null {
  const { trans } = usePanel();
  const { requests } = usePages();
  const seq = useSession(snapshot => snapshot.transcript.modeSeq);
  const connection = useSession(snapshot => snapshot.connection);
  const isReady = useSession(snapshot => snapshot.phase === 'ready');
  const ask = React.useCallback(
    () => (isReady ? requests.standing() : Promise.resolve(null)),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- another mode, or another server
    [requests, isReady, connection, seq]
  );
  const { value } = useLoaded(ask);
  if (!value) {
    return null;
  }
  return (
    <div className="codemad-standing" role="group" aria-label={trans.__('Permissions and sandbox')}>
      <ModeMenu standing={value} />
      <SandboxBadge standing={value} />
    </div>
  );
}

function ModeMenu({ standing }: { standing: Standing }): React.JSX.Element {
  const { trans } = usePanel();
  const { requests } = usePages();
  const names = modeNames(trans);
  const present = nameOf(names, standing.mode);
  const entries = standing.modes.map(({ name, text, refused }) => ({
    key: name,
    label: nameOf(names, name),
    detail: refused ? trans.__('Refused here: %1', line(refused)) : line(text),
    checked: name === standing.mode,
    disabled: refused !== '',
    run: () => {
      void requests.chooseMode(name);
    }
  }));
  return (
    <Menu label={trans.__('Mode: %1', present)} entries={entries} direction="up" className="codemad-modes">
      <span className="codemad-menu-name">{present}</span>
    </Menu>
  );
}

function SandboxBadge({ standing }: { standing: Standing }): React.JSX.Element {
  const { trans } = usePanel();
  const [isOpen, setOpen] = React.useState(false);
  const id = React.useId();
  const { strength, backend, reasons = [] } = standing.sandbox;
  const texts = {
    strong: trans.__('Sandbox: strong'),
    limited: trans.__('Sandbox: limited'),
    container: trans.__('Sandbox: container'),
    none: trans.__('No sandbox')
  };
  return (
    <>
      <button
        type="button"
        className={`codemad-badge codemad-sandbox codemad-sandbox-${strength}`}
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => {
          setOpen(!isOpen);
        }}
      >
        {texts[strength]}
      </button>
      {isOpen && (
        <div id={id} className="codemad-sandbox-why" role="note">
          <p>
            {backend
              ? trans.__('Commands of assistants run in a sandbox (%1).', line(backend))
              : trans.__('Nothing confines the commands of assistants.')}
          </p>
          {reasons.length > 0 && (
            <ul>
              {reasons.map(reason => (
                <li key={reason}>{line(reason)}</li>
              ))}
            </ul>
          )}
          {standing.remedy && <p>{line(standing.remedy)}</p>}
        </div>
      )}
    </>
  );
}

function modeNames(trans: ReturnType<typeof usePanel>['trans']): Record<string, string> {
  return {
    plan: trans.__('Read only'),
    batch: trans.__('Rules alone'),
    ask: trans.__('Ask each time'),
    auto_edit: trans.__('Edits by themselves'),
    auto_sandboxed: trans.__('Edits and sandboxed commands')
  };
}

function nameOf(names: Record<string, string>, mode: string): string {
  return Object.hasOwn(names, mode) ? `${names[mode]} (${mode})` : line(mode);
}
