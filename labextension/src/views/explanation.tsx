/** What a change of cells does where a diff would not tell: in words, and with the code that comes of it. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { CellTarget, Edit } from '../protocol';
import type { IShown } from '../proposals';
import { usePanel } from './context';

interface IExplanationProps {
  edit: Edit;
  part: IShown['part'];
  /** The number of a cell that is named by its id. */
  numberOf: (cell: string) => number | null;
}

/** What cannot be shown as a change of text is said. */
export function Explanation({ edit, part, numberOf }: IExplanationProps): React.JSX.Element | null {
  const { trans } = usePanel();
  const target = edit.target as CellTarget;
  const text = explain(target, part, numberOf, trans);
  if (!text && target.op !== 'split' && target.op !== 'merge') {
    return null;
  }
  const isMove = part === 'to';
  return (
    <div className="codemad-review-explanation">
      {text && <p className="codemad-review-text">{text}</p>}
      {target.op === 'split' &&
        target.pieces.map((piece, index) => <Code key={index} source={piece} type={target.cell_type} />)}
      {target.op === 'merge' && edit.after && <Code source={edit.after} type={target.cell_type} />}
      {isMove && edit.before && <Code source={edit.before} type={target.cell_type} />}
    </div>
  );
}

function explain(
  target: CellTarget,
  part: IShown['part'],
  numberOf: (cell: string) => number | null,
  trans: TranslationBundle
): string {
  const number = numberOf(target.cell);
  const where = target.anchor === null ? null : numberOf(target.anchor);
  switch (target.op) {
    case 'move':
      if (part === 'to') {
        return number === null ? '' : trans.__('It stands at place %1 now.', number.toString());
      }
      if (target.anchor !== null && where === null) {
        return trans.__('It goes beside a cell that is proposed too.');
      }
      if (where === null) {
        return target.position === 'before'
          ? trans.__('It goes to the top.')
          : trans.__('It goes to the end.');
      }
      return target.position === 'before'
        ? trans.__('It goes above cell %1.', where.toString())
        : trans.__('It goes below cell %1.', where.toString());
    case 'retype':
      return trans.__('It becomes a %1 cell; its text stays.', target.cell_type);
    case 'delete':
      return trans.__('The cell and its outputs would be deleted.');
    case 'clear':
      return trans.__('Its outputs and its number are removed; the code stays.');
    case 'split':
      return trans.__('It becomes %1 cells:', target.pieces.length.toString());
    case 'merge':
      return trans._n('It takes in the cell below:', 'It takes in the %1 cells below:', target.others.length);
    case 'insert':
    case 'replace':
      return '';
  }
}

/** Code as text with colours: its height is known at once, which a notebook that draws only a part needs. */
export function Code({ source, type }: { source: string; type: CellTarget['cell_type'] }): React.JSX.Element {
  const { languages, trans } = usePanel();
  const host = React.useRef<HTMLPreElement>(null);
  React.useEffect(() => {
    const node = host.current;
    if (node) {
      node.textContent = source;
      void highlight(languages, source, type === 'code' ? 'python' : 'markdown', node);
    }
  }, [languages, source, type]);
  return (
    <pre
      ref={host}
      className="codemad-review-code"
      role="group"
      tabIndex={0}
      aria-label={type === 'code' ? trans.__('Proposed code') : trans.__('Proposed text')}
    >
      {source}
    </pre>
  );
}

/** Colour the code in a node; what stands there stays until that is done. */
export async function highlight(
  languages: ReturnType<typeof usePanel>['languages'],
  source: string,
  name: string,
  node: HTMLElement
): Promise<void> {
  const spec = name.startsWith('/') ? languages.findByFileName(name.slice(1)) : languages.findBest(name);
  const language = spec ? await languages.getLanguage(spec) : null;
  if (!language?.support) {
    return;
  }
  const drawn = document.createElement('div');
  await languages.highlight(source, language, drawn);
  if (drawn.textContent === source) {
    node.replaceChildren(...drawn.childNodes);
  }
}
