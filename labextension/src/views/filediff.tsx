/** A proposed change of a file, whole, with buttons for each part of it. */
import { EditorState } from '@codemirror/state';
import type { DecorationSet } from '@codemirror/view';
import { Decoration, EditorView, WidgetType, lineNumbers } from '@codemirror/view';
import { StateEffect, StateField } from '@codemirror/state';
import { jupyterTheme } from '@jupyterlab/codemirror';
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Edit, FileTarget } from '../protocol';
import type { IPlace } from '../proposals';
import { isOpen, placesOf, sizeOf } from '../proposals';
import { line } from '../text';
import { StatusBadge, TrialBadge } from './badges';
import { Button, CommandButton } from './button';
import { usePanel, useSession } from './context';
import { supportOf } from './diff';
import { editVerb, settlingTexts } from './format';
import { hunkExtension, showHunks } from './hunkdiff';
import { highlight } from './explanation';

/** Lines left standing around a change, and the fewest that are folded away. */
const MARGIN = 4;
const FOLDED = 6;

export function FileDiff({ edit: id }: { edit: string }): React.JSX.Element {
  const { session, trans } = usePanel();
  const proposal = useSession(() => session.editOf(id));
  const host = React.useRef<HTMLDivElement>(null);
  if (proposal?.edit.target.type !== 'file') {
    return <p className="codemad-filediff-gone">{trans.__('This change belongs to another session.')}</p>;
  }
  const { edit } = proposal;
  const target = edit.target as FileTarget;
  const { added, removed } = sizeOf(edit);
  const [accept, reject] = settlingTexts(edit, trans);
  const step = (by: 1 | -1): void => {
    if (host.current) {
      focusHunk(host.current, by);
    }
  };
  return (
    <section
      className="codemad-filediff"
      aria-label={trans.__('%1: %2', editVerb(edit, trans), line(target.path))}
      data-codemad-edit={edit.id}
    >
      <header className="codemad-filediff-head" role="toolbar" aria-label={trans.__('The change as a whole')}>
        <span className="codemad-filediff-name" title={line(target.path)}>
          {line(target.path)}
          {target.to !== null && ` → ${line(target.to)}`}
        </span>
        <span className="codemad-review-size">
          +{added} −{removed}
        </span>
        {isOpen(proposal) && edit.trial ? (
          <TrialBadge trial={edit.trial} />
        ) : (
          <StatusBadge proposal={proposal} undone={false} />
        )}
        <span className="codemad-bar-space" />
        <Button
          kind="quiet"
          icon={caretUpIcon}
          label={trans.__('Previous change')}
          onClick={() => {
            step(-1);
          }}
        />
        <Button
          kind="quiet"
          icon={caretDownIcon}
          label={trans.__('Next change')}
          onClick={() => {
            step(1);
          }}
        />
        {isOpen(proposal) && (
          <>
            <CommandButton kind="primary" onClick={() => session.acceptEdit(edit.id, null)}>
              {proposal.status === 'stale' ? trans.__('Try again') : accept}
            </CommandButton>
            <CommandButton onClick={() => session.rejectEdit(edit.id, null)}>{reject}</CommandButton>
          </>
        )}
      </header>
      {edit.title && <p className="codemad-filediff-title">{line(edit.title)}</p>}
      {proposal.detail && <p className="codemad-review-stale">{line(proposal.detail)}</p>}
      <div ref={host} className="codemad-filediff-body">
        <HunkEditor edit={edit} path={target.path} />
      </div>
    </section>
  );
}

function HunkEditor({ edit, path }: { edit: Edit; path: string }): React.JSX.Element {
  const { languages, session, trans } = usePanel();
  const host = React.useRef<HTMLDivElement>(null);
  const scroll = React.useRef(0);
  React.useEffect(() => {
    const parent = host.current;
    let view: EditorView | null = null;
    let isGone = false;
    void supportOf(languages, `/${path}`).then(support => {
      if (isGone || !parent) {
        return;
      }
      const { text, places } = placesOf(edit);
      const extensions = [
        EditorState.readOnly.of(true),
        EditorView.editable.of(false),
        EditorView.contentAttributes.of({
          'aria-label': line(path),
          tabindex: '0',
          role: 'textbox',
          'aria-readonly': 'true',
          'aria-multiline': 'true'
        }),
        lineNumbers(),
        jupyterTheme,
        support,
        hunkExtension(),
        folding(places, trans)
      ];
      view = new EditorView({ parent, state: EditorState.create({ doc: text, extensions }) });
      const isSplit = edit.hunks.length > 1;
      showHunks(view, places, {
        trans,
        highlight: (code, node) => void highlight(languages, code, `/${path}`, node),
        accept: isSplit ? hunk => session.acceptEdit(edit.id, [hunk]) : undefined,
        reject: isSplit ? hunk => session.rejectEdit(edit.id, [hunk]) : undefined
      });
      view.scrollDOM.scrollTop = scroll.current;
    });
    return () => {
      isGone = true;
      scroll.current = view?.scrollDOM.scrollTop ?? 0;
      view?.destroy();
    };
  }, [edit, languages, path, session, trans]);
  return <div ref={host} className="codemad-filediff-editor" />;
}

const unfold = StateEffect.define<number>();

/** Long stretches without a change are one line that opens. */
function folding(places: readonly IPlace[], trans: TranslationBundle): StateField<DecorationSet> {
  return StateField.define<DecorationSet>({
    create: state => {
      const { doc } = state;
      const ranges: { from: number; to: number; lines: number }[] = [];
      let next = 1;
      const fold = (until: number): void => {
        const lines = until - next + 1;
        if (lines >= FOLDED) {
          ranges.push({ from: doc.line(next).from, to: doc.line(until).to, lines });
        }
      };
      for (const { from, to } of places) {
        fold(doc.lineAt(Math.min(from, doc.length)).number - 1 - MARGIN);
        next = Math.min(doc.lineAt(Math.min(to, doc.length)).number + MARGIN, doc.lines);
      }
      if (places.length) {
        fold(doc.lines);
      }
      return Decoration.set(
        ranges.map(({ from, to, lines }) =>
          Decoration.replace({ widget: new FoldWidget(lines, from, trans), block: true }).range(from, to)
        )
      );
    },
    update: (value, transaction) => {
      const opened = transaction.effects.filter(effect => effect.is(unfold)).map(effect => effect.value);
      return opened.length ? value.update({ filter: from => !opened.includes(from) }) : value;
    },
    provide: field => EditorView.decorations.from(field)
  });
}

class FoldWidget extends WidgetType {
  constructor(
    private _lines: number,
    private _from: number,
    private _trans: TranslationBundle
  ) {
    super();
  }

  override eq(other: FoldWidget): boolean {
    return this._lines === other._lines && this._from === other._from;
  }

  override toDOM(view: EditorView): HTMLElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'codemad-fold';
    button.textContent = this._trans._n('%1 unchanged line', '%1 unchanged lines', this._lines);
    button.addEventListener('click', () => {
      view.dispatch({ effects: unfold.of(this._from) });
    });
    return button;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}

/** Put the focus on the next block of changes, or the one before; round and round. */
function focusHunk(root: HTMLElement, by: 1 | -1): void {
  const blocks = [...root.querySelectorAll<HTMLElement>('.codemad-hunk-block')];
  const at = blocks.findIndex(block => block.contains(document.activeElement));
  const next = at < 0 ? (by > 0 ? 0 : -1) : (at + by) % blocks.length;
  const block = blocks.at(next);
  if (block) {
    block.tabIndex = -1;
    (block.querySelector<HTMLElement>('button') ?? block).focus({ preventScroll: true });
    block.scrollIntoView({ block: 'center' });
  }
}
