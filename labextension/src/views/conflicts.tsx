/** The conflicts of a notebook, each with its three sides beside each other, and the choices. */
import { caretDownIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Choices, Side } from '../merging';
import { addedPieces, openOf, piecesOf, sidesOf, takeAll } from '../merging';
import type { MergeConflict, MergeView } from '../protocol';
import { line, plain } from '../text';
import { Button, CommandButton } from './button';
import { usePanel } from './context';

export interface IConflictsProps {
  view: MergeView;
  choices: Choices;
  isWriting: boolean;
  choose: (choices: Choices) => void;
  write: () => Promise<void>;
}

export function Conflicts(props: IConflictsProps): React.JSX.Element {
  const { view, choices, isWriting, choose, write } = props;
  const { trans } = usePanel();
  const host = React.useRef<HTMLDivElement>(null);
  const open = openOf(view, choices);
  const all = view.conflicts.length;
  const take = (side: Side): React.JSX.Element => (
    <Button
      key={side}
      disabled={!all || isWriting}
      onClick={() => {
        choose(takeAll(view, side, choices));
      }}
    >
      {sideName(view, side, trans)}
    </Button>
  );
  const goToOpen = (): void => {
    const next = open.at(0);
    const place = host.current?.querySelector<HTMLElement>(`[data-codemad-conflict="${next?.number ?? ''}"]`);
    place?.scrollIntoView({ block: 'start' });
    place?.querySelector<HTMLElement>('input')?.focus({ preventScroll: true });
  };
  return (
    <>
      <div className="codemad-merge-bar" role="toolbar" aria-label={trans.__('All conflicts')}>
        <span className="codemad-merge-take">{trans.__('Take for all:')}</span>
        {(['ours', 'theirs', 'base'] as const).map(take)}
        <span className="codemad-bar-space" />
        <span role="status">{trans.__('%1 of %2 chosen', all - open.length, all)}</span>
        <Button icon={caretDownIcon} disabled={open.length === 0} onClick={goToOpen}>
          {trans.__('Next open conflict')}
        </Button>
        <CommandButton
          kind="primary"
          disabled={open.length > 0 || isWriting}
          label={open.length ? trans.__('Choose a side for each conflict first') : undefined}
          onClick={write}
        >
          {trans.__('Write the merged notebook')}
        </CommandButton>
      </div>
      <div ref={host} className="codemad-merge-body">
        {all === 0 && <p className="codemad-merge-wait">{trans.__('Everything merges by itself.')}</p>}
        {view.conflicts.map(conflict => (
          <Conflict
            key={conflict.number}
            view={view}
            conflict={conflict}
            chosen={conflict.number in choices ? choices[conflict.number] : null}
            onChoose={side => {
              choose({ ...choices, [conflict.number]: side });
            }}
          />
        ))}
      </div>
    </>
  );
}

interface IConflictProps {
  view: MergeView;
  conflict: MergeConflict;
  chosen: Side | null;
  onChoose: (side: Side) => void;
}

function Conflict({ view, conflict, chosen, onChoose }: IConflictProps): React.JSX.Element {
  const { trans } = usePanel();
  const id = React.useId();
  return (
    <fieldset
      className={`codemad-conflict ${chosen ? 'codemad-conflict-chosen' : ''}`}
      data-codemad-conflict={conflict.number}
    >
      <legend>
        <span className="codemad-conflict-number">{conflict.number}</span> {placeText(conflict, trans)}
      </legend>
      <div className="codemad-conflict-sides">
        {sidesOf(conflict).map(side => (
          <div
            key={side}
            className={`codemad-side codemad-side-${side} ${chosen === side ? 'codemad-side-chosen' : ''}`}
          >
            <label className="codemad-side-name">
              <input
                type="radio"
                name={id}
                checked={chosen === side}
                onChange={() => {
                  onChoose(side);
                }}
              />
              <span>{sideName(view, side, trans)}</span>
            </label>
            {side !== 'both' && <SideText conflict={conflict} side={side} />}
          </div>
        ))}
      </div>
    </fieldset>
  );
}

function SideText({
  conflict,
  side
}: {
  conflict: MergeConflict;
  side: 'base' | 'ours' | 'theirs';
}): React.JSX.Element {
  const { trans } = usePanel();
  const base = plain(conflict.base);
  const other = plain(side === 'ours' ? conflict.theirs : conflict.ours);
  const text = plain(conflict[side]);
  const pieces = React.useMemo(
    () => (side === 'base' ? piecesOf('', text) : base ? piecesOf(base, text) : addedPieces(other, text)),
    [side, base, other, text]
  );
  if (text === '') {
    return <p className="codemad-side-nothing">{nothingText(conflict, side, trans)}</p>;
  }
  return (
    <pre
      className="codemad-side-text"
      tabIndex={0}
      role="region"
      aria-label={regionName(conflict, side, trans)}
    >
      {pieces.map((piece, index) =>
        piece.changed ? <mark key={index}>{piece.text}</mark> : <span key={index}>{piece.text}</span>
      )}
    </pre>
  );
}

function sideName(view: MergeView, side: Side, trans: TranslationBundle): string {
  switch (side) {
    case 'base':
      return trans.__('Base (before both)');
    case 'both':
      return trans.__('Both, ours first');
    case 'ours':
      return view.ours_name ? trans.__('Ours (%1)', line(view.ours_name, 60)) : trans.__('Ours');
    case 'theirs':
      return view.theirs_name ? trans.__('Theirs (%1)', line(view.theirs_name, 60)) : trans.__('Theirs');
  }
}

function placeText({ cell, part, base, ours, theirs }: MergeConflict, trans: TranslationBundle): string {
  const name = cell === null ? '' : line(cell, 60);
  switch (part) {
    case 'source':
      return trans.__('Source of cell %1', name);
    case 'outputs':
      return trans.__('Outputs of cell %1', name);
    case 'metadata':
      return trans.__('Metadata of cell %1', name);
    case 'cells':
      if (base === '') {
        return trans.__('Cells added at the same place');
      }
      return ours && theirs
        ? trans.__('Cells changed at the same place')
        : trans.__('Cells changed on one side, deleted on the other');
    case 'notebook':
      return trans.__('Metadata of the notebook');
  }
}

function nothingText(
  conflict: MergeConflict,
  side: 'base' | 'ours' | 'theirs',
  trans: TranslationBundle
): string {
  if (conflict.part !== 'cells') {
    return trans.__('Empty');
  }
  return side !== 'base' && conflict.base !== '' ? trans.__('Deleted') : trans.__('No cell here');
}

function regionName(
  conflict: MergeConflict,
  side: 'base' | 'ours' | 'theirs',
  trans: TranslationBundle
): string {
  const names = { base: trans.__('base'), ours: trans.__('ours'), theirs: trans.__('theirs') };
  return trans.__('Conflict %1, %2', conflict.number, names[side]);
}
