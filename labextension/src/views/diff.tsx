/** A change of text as a diff, read-only, with the colours of the notebook's own editors. */
import { unifiedMergeView } from '@codemirror/merge';
import type { Extension } from '@codemirror/state';
import { EditorState } from '@codemirror/state';
import { Decoration, EditorView } from '@codemirror/view';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { jupyterTheme } from '@jupyterlab/codemirror';
import React from 'react';

import { usePanel } from './context';
import { useVisible } from './visible';

export interface IDiffProps {
  before: string;
  after: string;
  /** A language's name, or a file's name to guess it from. */
  language: { name: string } | { file: string };
  label: string;
}

function DiffContent(props: IDiffProps): React.JSX.Element {
  const { before, after, language, label } = props;
  const { languages } = usePanel();
  const host = React.useRef<HTMLDivElement>(null);
  const isVisible = useVisible(host);
  const hint = 'name' in language ? language.name : `/${language.file}`;

  React.useEffect(() => {
    const parent = host.current;
    if (!parent || !isVisible) {
      return;
    }
    let view: EditorView | null = null;
    let isGone = false;
    void supportOf(languages, hint).then(support => {
      if (!isGone) {
        view = makeView(parent, before, after, [support, describe(label)]);
      }
    });
    return () => {
      isGone = true;
      view?.destroy();
    };
  }, [before, after, hint, label, isVisible, languages]);

  return <div ref={host} className="codemad-diff" />;
}

export const Diff = React.memo(DiffContent);

function makeView(parent: HTMLElement, before: string, after: string, extra: Extension): EditorView {
  const isWhole = before === '' || after === '';
  const doc = isWhole ? (after || before).replace(/\n$/, '') : after;
  const kind = after === '' ? 'codemad-diff-removed' : 'codemad-diff-added';
  const change = isWhole
    ? EditorView.decorations.of(view => lines(view.state, kind))
    : unifiedMergeView({
        original: before,
        mergeControls: false,
        gutter: false,
        collapseUnchanged: { margin: 2, minSize: 5 }
      });
  const extensions = [
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.lineWrapping,
    jupyterTheme,
    change,
    extra
  ];
  return new EditorView({ parent, state: EditorState.create({ doc, extensions }) });
}

function lines(state: EditorState, name: string): ReturnType<typeof Decoration.set> {
  const mark = Decoration.line({ class: name });
  const starts = Array.from({ length: state.doc.lines }, (_, index) => state.doc.line(index + 1).from);
  return Decoration.set(starts.map(start => mark.range(start)));
}

/** Not editable, yet a keyboard must be able to scroll it. */
function describe(label: string): Extension {
  return EditorView.contentAttributes.of({
    'aria-label': label,
    tabindex: '0',
    role: 'textbox',
    'aria-readonly': 'true'
  });
}

/** The language to colour code in: by its name, or by a file's name after a slash. */
export async function supportOf(languages: IEditorLanguageRegistry, hint: string): Promise<Extension> {
  const spec = hint.startsWith('/') ? languages.findByFileName(hint.slice(1)) : languages.findBest(hint);
  const language = spec ? await languages.getLanguage(spec) : null;
  return language?.support ?? [];
}
