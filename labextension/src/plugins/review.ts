import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';

import { NotebookReview } from '../notebook/review';
import type { IOpen } from '../proposals';
import { isRunnable, isSame, openProposals } from '../proposals';
import { IOpenNotebooks, ISession } from '../tokens';
import { CommandIds } from './commands';

/** Proposals at their places in the open notebooks, and the commands that settle them. */
export const reviewPlugin: JupyterFrontEndPlugin<void> = {
  id: 'codemad-jupyter:review',
  description: 'Shows proposed changes in the notebook, to be accepted or rejected there.',
  autoStart: true,
  requires: [ISession, IOpenNotebooks, INotebookTracker, IRenderMimeRegistry, IEditorLanguageRegistry],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    notebooks: IOpenNotebooks,
    tracker: INotebookTracker,
    rendermime: IRenderMimeRegistry,
    languages: IEditorLanguageRegistry,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('codemad_jupyter');
    const context = { session, notebooks, rendermime, languages, trans };
    const openDiff = (edit: string): void => void app.commands.execute(CommandIds.openDiff, { edit });
    const reviews = new Reviews(session, notebooks, panel => new NotebookReview(panel, context, openDiff));
    reviews.changed = () => {
      reviewCommands.forEach(id => {
        app.commands.notifyCommandChanged(id);
      });
    };
    tracker.widgetAdded.connect((_, panel) => {
      reviews.add(panel);
      // What waits in the session is shown in the notebook whether or not the panel is.
      void app.restored.then(() => session.open());
    });
    addCommands(app, session, trans, () =>
      tracker.currentWidget ? reviews.of(tracker.currentWidget) : null
    );
    for (const command of reviewCommands) {
      palette?.addItem({ command, category: trans.__('CodeMAD') });
    }
  }
};

const reviewCommands = [
  CommandIds.nextProposal,
  CommandIds.previousProposal,
  CommandIds.acceptProposal,
  CommandIds.runProposal,
  CommandIds.rejectProposal,
  CommandIds.tryProposal,
  CommandIds.acceptAll,
  CommandIds.runAll,
  CommandIds.rejectAll,
  CommandIds.leaveProposals
];

/** The review of each open notebook, told when its proposals change. */
class Reviews {
  constructor(session: ISession, notebooks: IOpenNotebooks, make: (panel: NotebookPanel) => NotebookReview) {
    this._notebooks = notebooks;
    this._make = make;
    session.subscribe(() => {
      const open = openProposals(session.getSnapshot().transcript);
      if (!isSame(open, this._open)) {
        this._open = open;
        this._tell();
      }
    });
    notebooks.changed.connect(() => {
      if (this._open.length) {
        this._tell();
      }
    });
  }

  changed: () => void = () => undefined;

  add(panel: NotebookPanel): void {
    const review = this._make(panel);
    this._reviews.set(panel, review);
    panel.disposed.connect(() => {
      this._reviews.delete(panel);
    });
    void panel.context.ready.then(() => {
      this._show(panel, review);
    });
  }

  of(panel: NotebookPanel): NotebookReview | null {
    return this._reviews.get(panel) ?? null;
  }

  private _tell(): void {
    const paths = this._open.flatMap(({ proposal: { edit } }) =>
      edit.target.type === 'cell' ? [edit.target.notebook] : []
    );
    this._notebooks.expect([...new Set(paths)]);
    this._reviews.forEach((review, panel) => {
      this._show(panel, review);
    });
    this.changed();
  }

  private _show(panel: NotebookPanel, review: NotebookReview): void {
    if (panel.isDisposed || !panel.context.isReady || review.isDisposed) {
      return;
    }
    const open = this._open.filter(
      ({ proposal: { edit } }) =>
        edit.target.type === 'cell' && this._notebooks.isAt(panel, edit.target.notebook)
    );
    const runs = new Set(open.map(({ run }) => run));
    const files = this._open.filter(
      ({ proposal, run }) => proposal.edit.target.type === 'file' && runs.has(run)
    );
    review.show(open, files);
  }

  private _make: (panel: NotebookPanel) => NotebookReview;
  private _notebooks: IOpenNotebooks;
  private _open: readonly IOpen[] = [];
  private _reviews = new Map<NotebookPanel, NotebookReview>();
}

function addCommands(
  app: JupyterFrontEnd,
  session: ISession,
  trans: TranslationBundle,
  review: () => NotebookReview | null
): void {
  const describedBy = { args: { type: 'object', properties: {} } };
  const add = (id: string, label: string, execute: (review: NotebookReview) => unknown): void => {
    app.commands.addCommand(id, {
      label,
      describedBy,
      isEnabled: () => (review()?.open.length ?? 0) > 0,
      execute: () => {
        const now = review();
        return now ? execute(now) : undefined;
      }
    });
  };
  const settling = (act: (edit: string, open: IOpen) => Promise<unknown>) => async (now: NotebookReview) => {
    const { current } = now;
    if (current) {
      const { id } = current.proposal.edit;
      await now.settle(id, () => act(id, current));
    }
  };
  add(CommandIds.nextProposal, trans.__('Next Proposal'), now => {
    now.step(1);
  });
  add(CommandIds.previousProposal, trans.__('Previous Proposal'), now => {
    now.step(-1);
  });
  add(
    CommandIds.acceptProposal,
    trans.__('Accept Proposal'),
    settling(edit => session.acceptEdit(edit, null))
  );
  add(
    CommandIds.runProposal,
    trans.__('Accept Proposal and Run'),
    settling((edit, { proposal }) => session.acceptEdit(edit, null, isRunnable(proposal.edit)))
  );
  add(
    CommandIds.rejectProposal,
    trans.__('Reject Proposal'),
    settling(edit => session.rejectEdit(edit, null))
  );
  add(CommandIds.tryProposal, trans.__('Try Proposal'), async now => {
    const { current } = now;
    await (current ? session.tryEdit(current.proposal.edit.id) : undefined);
  });
  add(CommandIds.acceptAll, trans.__('Accept All Proposals'), now => now.acceptAll(false));
  add(CommandIds.runAll, trans.__('Accept All Proposals and Run'), now => now.acceptAll(true));
  add(CommandIds.rejectAll, trans.__('Reject All Proposals'), now => now.rejectAll());
  add(CommandIds.leaveProposals, trans.__('Back from Proposals to the Notebook'), now => {
    now.leave();
  });
}
