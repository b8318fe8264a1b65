/** The frame of a page of the panel beside the conversation: a title, a way back, its problem or content. */
import { closeIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { IProblem } from '../problems';
import { line } from '../text';
import { Button } from './button';
import { usePages, usePanel } from './context';

export interface IPageFrameProps {
  title: string;
  problem: IProblem | null;
  isLoading: boolean;
  actions?: React.ReactNode;
  children: React.ReactNode;
}

export function PageFrame(props: IPageFrameProps): React.JSX.Element {
  const { title, problem, isLoading, actions, children } = props;
  const { trans } = usePanel();
  const { pages } = usePages();
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => {
    heading.current?.focus();
  }, []);
  return (
    <section className="codemad-page" aria-label={title}>
      <div className="codemad-page-head">
        <h2 ref={heading} tabIndex={-1}>
          {title}
        </h2>
        {actions}
        <Button
          kind="quiet"
          icon={closeIcon}
          label={trans.__('Back to the conversation')}
          onClick={() => {
            pages.show('chat');
          }}
        />
      </div>
      <div className="codemad-page-body">
        {problem && (
          <p className="codemad-point-warning" role="alert">
            <strong>{line(problem.message)}</strong> {line(problem.hint)}
          </p>
        )}
        {isLoading && (
          <div className="codemad-loading">
            <span className="codemad-spinner" aria-hidden="true" />
            {trans.__('Loading…')}
          </div>
        )}
        {children}
      </div>
    </section>
  );
}
