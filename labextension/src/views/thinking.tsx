/** A model's reasoning, folded: there for who wants it, out of the way of the answer. */
import { caretRightIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { plain } from '../text';
import { Icon } from './button';
import { usePanel } from './context';

function ThinkingContent(props: { text: string; live?: boolean }): React.JSX.Element {
  const { trans } = usePanel();
  const [isOpen, setOpen] = React.useState(false);
  return (
    <div className="codemad-thinking">
      <button
        type="button"
        className="codemad-thinking-line"
        aria-expanded={isOpen}
        onClick={() => {
          setOpen(!isOpen);
        }}
      >
        <Icon of={caretRightIcon} className="codemad-caret" />
        {props.live ? trans.__('Thinking…') : trans.__('Thought about it')}
      </button>
      {isOpen && <div className="codemad-thinking-text">{plain(props.text)}</div>}
    </div>
  );
}

export const Thinking = React.memo(ThinkingContent);
