/** A question the engine asks before it acts: what exactly, why, by which rule, and the answers. */
import { lockIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { line, plain } from '../text';
import type { IApproval } from '../transcript';
import { CommandButton, Icon } from './button';
import { usePanel } from './context';
import { toolVerb } from './format';

function ApprovalCardContent({ item }: { item: IApproval }): React.JSX.Element {
  const { trans } = usePanel();
  const verb = toolVerb(item.tool, trans);
  const isPending = item.decision === 'pending';
  const kind = isPending && item.axis === 'control' ? 'codemad-approval-control' : '';
  return (
    <section
      className={`codemad-card codemad-approval codemad-approval-${item.decision} ${kind}`}
      aria-label={trans.__('Approval: %1', verb)}
    >
      <header className="codemad-card-header">
        <Icon of={lockIcon} />
        <span className="codemad-card-title">{isPending ? trans.__('%1?', verb) : verb}</span>
        {isPending && item.axis && <span className="codemad-approval-axis">{reached(item.axis, trans)}</span>}
        {!isPending && <Decision item={item} />}
      </header>
      {isPending && <Question item={item} />}
      {item.decision === 'expired' && item.answer && (
        <p className="codemad-edit-detail">{line(item.answer)}</p>
      )}
    </section>
  );
}

export const ApprovalCard = React.memo(ApprovalCardContent);

/** The whole action: what is not shown could not be approved, so nothing is cut. */
function Question({ item }: { item: IApproval }): React.JSX.Element {
  const { session, trans } = usePanel();
  const { approval, digest } = item;
  return (
    <>
      {item.reason && <p className="codemad-edit-title">{line(item.reason)}</p>}
      <pre className="codemad-action" role="group" tabIndex={0} aria-label={trans.__('What will be done')}>
        {plain(item.action)}
      </pre>
      {item.commands.length > 1 && (
        <ol className="codemad-approval-commands" aria-label={trans.__('The commands in it')}>
          {item.commands.map((command, at) => (
            <li key={at}>
              <code>{line(command)}</code>
            </li>
          ))}
        </ol>
      )}
      <p className="codemad-approval-facts">
        {item.rule && <span>{trans.__('Asked because of: %1', line(item.rule))}</span>}
        {item.expires > 0 && (
          <span>
            {trans.__(
              'Refused at %1 if you do not answer.',
              new Date(item.expires * 1000).toLocaleTimeString()
            )}
          </span>
        )}
      </p>
      <div className="codemad-card-actions">
        <CommandButton kind="primary" onClick={() => session.approve(approval, digest)}>
          {trans.__('Allow once')}
        </CommandButton>
        {item.keepable && (
          <CommandButton
            label={trans.__(
              'In this folder, exactly this is not asked again. “codemad permissions” takes it back.'
            )}
            onClick={() => session.approve(approval, digest, true)}
          >
            {trans.__('Always this exact action')}
          </CommandButton>
        )}
        <CommandButton onClick={() => session.reject(approval)}>{trans.__('Refuse')}</CommandButton>
      </div>
    </>
  );
}

function reached(axis: NonNullable<IApproval['axis']>, trans: TranslationBundle): string {
  const texts = {
    files: trans.__('files'),
    kernel_inspect: trans.__('kernel, looking'),
    kernel_run: trans.__('agent’s kernel'),
    kernel_mutate: trans.__('your kernel'),
    shell: trans.__('command'),
    network: trans.__('network'),
    memory: trans.__('memory'),
    plan: trans.__('plan'),
    control: trans.__('gives rights')
  };
  return texts[axis];
}

function Decision({ item }: { item: IApproval }): React.JSX.Element {
  const { trans } = usePanel();
  const texts = {
    pending: '',
    approved: item.answer === 'always' ? trans.__('always allowed') : trans.__('allowed'),
    rejected: trans.__('refused'),
    expired: trans.__('not answered')
  };
  return (
    <span className={`codemad-badge codemad-badge-${item.decision}`} title={line(item.answer)}>
      {texts[item.decision]}
    </span>
  );
}
