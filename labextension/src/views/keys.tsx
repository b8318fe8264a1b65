/** The page of keys and trust: which providers have a key and where, and whether the folder is trusted. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { problemOf } from '../problems';
import type { KeyRing } from '../protocol';
import { line } from '../text';
import { Button, CommandButton } from './button';
import { usePages, usePanel } from './context';
import { useLoaded } from './loaded';
import { PageFrame } from './page';
import { PolicyPart } from './policy';
import { TrustPart } from './trust';

type KeyInfo = KeyRing['keys'][number];

export function Keys(): React.JSX.Element {
  const { trans } = usePanel();
  const { access } = usePages();
  const [round, setRound] = React.useState(0);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- another round asks again
  const ask = React.useCallback(() => access.keys(), [access, round]);
  const { value, problem, isLoading } = useLoaded(ask);
  return (
    <PageFrame title={trans.__('Keys and trust')} problem={problem} isLoading={isLoading && value === null}>
      <TrustPart />
      <PolicyPart />
      {value && (
        <section aria-label={trans.__('Keys of providers')}>
          <h3>{trans.__('Keys of providers')}</h3>
          <ul className="codemad-keys">
            {value.keys.map(info => (
              <Key
                key={info.provider}
                info={info}
                changed={() => {
                  setRound(round + 1);
                }}
              />
            ))}
          </ul>
          {value.notice && <p className="codemad-point-detail">{line(value.notice)}</p>}
        </section>
      )}
    </PageFrame>
  );
}

interface ISaid {
  text: string;
  isGood: boolean;
}

function Key({ info, changed }: { info: KeyInfo; changed: () => void }): React.JSX.Element {
  const { trans } = usePanel();
  const { access } = usePages();
  const [isOpen, setOpen] = React.useState(false);
  const [said, setSaid] = React.useState<ISaid | null>(null);
  const { provider, title } = info;

  /** Do it, and say how it went. */
  const perform = async (work: () => Promise<ISaid>): Promise<void> => {
    setSaid(null);
    try {
      setSaid(await work());
    } catch (reason) {
      const { message, hint } = problemOf(reason);
      setSaid({ text: `${message} ${hint}`, isGood: false });
    }
  };
  const keep = (key: string): Promise<void> =>
    perform(async () => {
      const text = await access.keepKey(provider, key);
      setOpen(false);
      changed();
      return { text, isGood: true };
    });
  const test = (): Promise<void> =>
    perform(async () => {
      const { ok, text } = await access.testKey(provider);
      return { text, isGood: ok };
    });
  const forget = (): Promise<void> =>
    perform(async () => {
      const text = await access.forgetKey(provider);
      changed();
      return { text, isGood: true };
    });

  return (
    <li className="codemad-key">
      <div className="codemad-point-name">{line(title)}</div>
      <div className="codemad-key-place">{placeText(info, trans)}</div>
      {info.detail && <p className="codemad-point-warning">{line(info.detail)}</p>}
      <div className="codemad-point-actions">
        {info.place !== 'hub' && (
          <Button
            label={trans.__('Set the key for %1', title)}
            pressed={isOpen}
            onClick={() => {
              setOpen(!isOpen);
            }}
          >
            {info.place === 'none' ? trans.__('Set') : trans.__('Replace')}
          </Button>
        )}
        {info.place !== 'none' && (
          <CommandButton label={trans.__('Try the key for %1', title)} onClick={test}>
            {trans.__('Try')}
          </CommandButton>
        )}
        {!['none', 'environment', 'hub'].includes(info.place) && (
          <CommandButton kind="quiet" label={trans.__('Delete the key for %1', title)} onClick={forget}>
            {trans.__('Delete')}
          </CommandButton>
        )}
      </div>
      {isOpen && <KeyForm title={title} keep={keep} />}
      <p className={said?.isGood === false ? 'codemad-point-warning' : 'codemad-key-place'} role="status">
        {said && line(said.text)}
      </p>
    </li>
  );
}

/** What is typed lives in the field alone, and goes with it. */
function KeyForm(props: { title: string; keep: (key: string) => Promise<void> }): React.JSX.Element {
  const { trans } = usePanel();
  const field = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => {
    field.current?.focus();
  }, []);
  const submit = async (): Promise<void> => {
    const key = field.current?.value ?? '';
    if (field.current) {
      field.current.value = '';
    }
    await props.keep(key);
  };
  return (
    <form
      className="codemad-key-form"
      onSubmit={event => {
        event.preventDefault();
        void submit();
      }}
    >
      <input
        ref={field}
        type="password"
        className="jp-mod-styled"
        autoComplete="off"
        spellCheck={false}
        aria-label={trans.__('Key for %1', props.title)}
        placeholder={trans.__('Paste the key')}
      />
      <CommandButton kind="primary" onClick={submit}>
        {trans.__('Keep')}
      </CommandButton>
    </form>
  );
}

function placeText({ place, variable }: KeyInfo, trans: TranslationBundle): string {
  switch (place) {
    case 'environment':
      return trans.__('from the environment (%1)', variable);
    case 'hub':
      return trans.__('the hub lets this server in');
    case 'keyring':
      return trans.__('in the system’s key store');
    case 'file':
      return trans.__('in the encrypted file');
    case 'memory':
      return trans.__('in the memory of this server, until it stops');
    case 'none':
      return trans.__('no key');
  }
}
