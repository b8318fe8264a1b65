/** What goes with the message, each with a button to leave it out. */
import { closeIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Piece } from '../quotes';
import { keyOf } from '../quotes';
import { clip, line } from '../text';
import { Button } from './button';
import { usePanel } from './context';

export function PieceList({ pieces }: { pieces: readonly Piece[] }): React.JSX.Element {
  const { session, trans } = usePanel();
  return (
    <ul className="codemad-quotes" aria-label={trans.__('Goes with your message')}>
      {pieces.map(piece => {
        const { place, shown, full } = wordsOf(piece, trans);
        return (
          <li key={keyOf(piece)} className="codemad-quote" title={clip(full, 500)}>
            <span className="codemad-quote-place">{place}</span>
            <code className="codemad-quote-text">{line(shown, 80)}</code>
            <Button
              kind="quiet"
              icon={closeIcon}
              label={trans.__('Leave out %1', piece.kind === 'lines' ? place : `${place} ${line(shown, 80)}`)}
              onClick={() => {
                session.quotes.remove(piece);
              }}
            />
          </li>
        );
      })}
    </ul>
  );
}

function wordsOf(piece: Piece, trans: TranslationBundle): { place: string; shown: string; full: string } {
  switch (piece.kind) {
    case 'lines': {
      const { number, from, to, text } = piece;
      const place =
        from === to
          ? trans.__('Cell %1, line %2', number.toString(), from.toString())
          : trans.__('Cell %1, lines %2–%3', number.toString(), from.toString(), to.toString());
      return { place, shown: text, full: text };
    }
    case 'text': {
      const size = trans.__('%1 characters', piece.text.length.toLocaleString());
      return { place: trans.__('Your file'), shown: piece.name, full: `${piece.name}: ${size}` };
    }
    default: {
      const places = {
        file: trans.__('File'),
        variable: trans.__('Variable'),
        session: trans.__('Session'),
        cell: trans.__('Cell'),
        output: trans.__('Output')
      };
      return { place: places[piece.kind], shown: piece.label, full: `${piece.label} (${piece.name})` };
    }
  }
}
