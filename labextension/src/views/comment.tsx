/** What a guest of the session said to its people. No model is told, unless it is quoted in a message. */
import React from 'react';

import type { IComment } from '../comments';
import { line, plain } from '../text';

import { Button } from './button';
import { PagesContext, usePanel } from './context';

export function CommentView({ comment }: { comment: IComment }): React.JSX.Element {
  const { trans } = usePanel();
  const pages = React.useContext(PagesContext)?.pages;
  const guest = line(comment.guest);
  const text = plain(comment.text);
  const quote = (): void => {
    const quoted = text.split('\n').map(each => `> ${each}`);
    pages?.write(`${pages.getDraft()}${guest}:\n${quoted.join('\n')}\n\n`.trimStart());
  };
  return (
    <article className="codemad-comment" aria-label={trans.__('Comment by %1', guest)}>
      <div className="codemad-comment-head">
        <strong>{guest}</strong> <span className="codemad-muted">{trans.__('comments')}</span>
        {pages && (
          <Button kind="quiet" label={trans.__('Put it into your message')} onClick={quote}>
            {trans.__('Quote')}
          </Button>
        )}
      </div>
      <div className="codemad-comment-text">{text}</div>
    </article>
  );
}
