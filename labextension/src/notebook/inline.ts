/** The hunks of a proposal in the editor of the cell they are for. */
import type { Cell } from '@jupyterlab/cells';
import { CodeMirrorEditor } from '@jupyterlab/codemirror';

import type { CellTarget } from '../protocol';
import type { IShown } from '../proposals';
import { placesOf } from '../proposals';
import type { IProposal } from '../transcript';
import type { IPanelContext } from '../views/context';
import type { IHunkActions } from '../views/hunkdiff';
import { clearHunks, showHunks } from '../views/hunkdiff';
import { highlight } from '../views/explanation';

type Settle = (edit: string, act: () => Promise<unknown>) => Promise<unknown>;

export class InlineHunks {
  constructor(context: IPanelContext, settle: Settle) {
    this._context = context;
    this._settle = settle;
  }

  /** Draw what fits the cell's text as it is now; the ids of the edits that do. */
  draw(cell: Cell, shown: readonly IShown[]): ReadonlySet<string> {
    const { editor } = cell;
    if (!(editor instanceof CodeMirrorEditor)) {
      return new Set();
    }
    const now = cell.model.sharedModel.getSource();
    const proposal = shown.map(each => each.open.proposal).find(each => fits(each, now));
    if (!proposal) {
      clearHunks(editor.editor);
      return new Set();
    }
    if (cell.model.type === 'markdown' && 'rendered' in cell) {
      // A rendered text has no lines to show a change at.
      cell.rendered = false;
    }
    showHunks(editor.editor, placesOf(proposal.edit).places, this._actionsOf(proposal));
    return new Set([proposal.edit.id]);
  }

  /** The same for the same proposal, so that blocks already drawn stay. */
  private _actionsOf(proposal: IProposal): IHunkActions {
    const known = this._actions.get(proposal);
    if (known) {
      return known;
    }
    const { session, languages, trans } = this._context;
    const { edit } = proposal;
    const language = (edit.target as CellTarget).cell_type === 'code' ? 'python' : 'markdown';
    const actions: IHunkActions = {
      trans,
      highlight: (code, node) => void highlight(languages, code, language, node)
    };
    if (edit.hunks.length > 1) {
      actions.accept = hunk => this._settle(edit.id, () => session.acceptEdit(edit.id, [hunk]));
      actions.reject = hunk => this._settle(edit.id, () => session.rejectEdit(edit.id, [hunk]));
    }
    this._actions.set(proposal, actions);
    return actions;
  }

  private _actions = new WeakMap<IProposal, IHunkActions>();
  private _context: IPanelContext;
  private _settle: Settle;
}

function fits({ edit, status }: IProposal, text: string): boolean {
  return status === 'pending' && edit.target.op === 'replace' && placesOf(edit).text === text;
}
