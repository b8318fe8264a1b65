/**
 * Runs a cell the way the person would, and waits for its end however long it takes.
 *
 * Refuses beforehand where Lab would open a dialog and wait for a click.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import type { Notebook, NotebookPanel } from '@jupyterlab/notebook';
import { NotebookActions } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import { PromiseDelegate } from '@lumino/coreutils';

import { Failure } from './failure';

export interface IExecutionReply {
  ok: boolean;
  error: string;
  seconds: number;
}

const STARTING = new Set(['initializing', 'starting', 'connecting', 'restarting', 'autorestarting']);
const START_LIMIT = 60_000;
const START_STEP = 100;
const CLOSED = 'The notebook was closed while the cell ran.';
const GONE = 'Its variables are gone: run the cells above again.';

/** `sent` hears of the message that the cell becomes. */
export async function execute(
  panel: NotebookPanel,
  id: string,
  sent: (request: string) => void
): Promise<IExecutionReply> {
  const { content, sessionContext } = panel;
  const cell = content.widgets.find(widget => widget.model.id === id);
  if (!cell) {
    throw new Failure('not_found', `The notebook has no cell ${id}, so it was not run.`);
  }
  if (cell.model.type === 'code') {
    await started(sessionContext);
    refuse(sessionContext);
  }
  const begin = performance.now();
  const error = watch(cell);
  const death = watchDeath(sessionContext);
  const closing = watchClosing(panel);
  const sending = watchSending(sessionContext, id, sent);
  try {
    const isOk = await Promise.race([run(content, cell, sessionContext), death.come, closing.come]);
    showEnd(panel, cell);
    return { ok: isOk, error: isOk ? '' : error.text(), seconds: (performance.now() - begin) / 1000 };
  } finally {
    error.stop();
    death.stop();
    closing.stop();
    sending.stop();
  }
}

/** What stands in the way and will not go away by waiting. */
function refuse(context: ISessionContext): void {
  if (!context.session?.kernel) {
    throw new Failure(
      'kernel',
      `${context.path} has no kernel, so the cell was not run.`,
      "Choose a kernel at the notebook's top right and run the cell."
    );
  }
  if (context.pendingInput) {
    throw new Failure(
      'kernel',
      'A cell waits for input, so nothing else can run.',
      'Type the input in the notebook or interrupt the kernel.'
    );
  }
  if (context.isTerminating || context.kernelDisplayStatus === 'dead') {
    throw new Failure('kernel', 'The kernel is dead or shutting down.', 'Restart the kernel and try again.');
  }
}

/** Lab does not run cells of a kernel that is only just starting, it says so and returns. */
async function started(context: ISessionContext): Promise<void> {
  const isStarting = (): boolean => !context.isReady || STARTING.has(context.kernelDisplayStatus);
  for (let waited = 0; !context.isTerminating && isStarting() && waited < START_LIMIT; waited += START_STEP) {
    await new Promise(resolve => setTimeout(resolve, START_STEP));
  }
  if (!context.isTerminating && isStarting()) {
    const text = `The kernel is still starting after ${START_LIMIT / 1000} seconds.`;
    throw new Failure('kernel', text, 'Wait until it is idle, or restart it.');
  }
}

/** The outputs are what one runs a cell for. */
function showEnd(panel: NotebookPanel, cell: Cell): void {
  if (panel.isVisible && !cell.isDisposed) {
    cell.node.querySelector('.jp-Cell-outputWrapper')?.scrollIntoView({ block: 'nearest' });
  }
}

/** Running switches the notebook to command mode and takes the focus: both are given back. */
function run(notebook: Notebook, cell: Cell, context: ISessionContext): Promise<boolean> {
  const { mode } = notebook;
  const focused = document.activeElement;
  const done = NotebookActions.runCells(notebook, [cell], context);
  if (mode === 'edit' && notebook.activeCell !== cell && notebook.node.contains(focused)) {
    notebook.mode = 'edit';
  } else if (focused instanceof HTMLElement && !notebook.node.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
  return done;
}

/** Lab says only that a cell failed; what the error was comes by the signal. */
function watch(cell: Cell): { text: () => string; stop: () => void } {
  let text = '';
  const listen = (
    _: unknown,
    args: { cell: Cell; error?: { errorName: string; errorValue: string } | null }
  ): void => {
    if (args.cell === cell && args.error) {
      text = `${args.error.errorName}: ${args.error.errorValue}`;
    }
  };
  NotebookActions.executed.connect(listen);
  return {
    text: () => text || 'The execution was cancelled or interrupted.',
    stop: () => NotebookActions.executed.disconnect(listen)
  };
}

/** `come` rejects when the document is closed: the kernel goes on, but nobody here hears of it. */
function watchClosing(panel: NotebookPanel): { come: Promise<never>; stop: () => void } {
  const close = new PromiseDelegate<never>();
  const listen = (): void => {
    close.reject(new Failure('notebook_closed', CLOSED, 'Open the notebook and look at the cell.'));
  };
  panel.content.disposed.connect(listen);
  return { come: close.promise, stop: () => panel.content.disposed.disconnect(listen) };
}

/** Lab writes the cell's id into the message that carries its code. */
function watchSending(
  context: ISessionContext,
  id: string,
  sent: (request: string) => void
): { stop: () => void } {
  const kernel = context.session?.kernel;
  const listen = (_: unknown, { msg, direction }: Kernel.IAnyMessageArgs): void => {
    if (direction === 'send' && msg.header.msg_type === 'execute_request' && msg.metadata.cellId === id) {
      kernel?.anyMessage.disconnect(listen);
      sent(msg.header.msg_id);
    }
  };
  kernel?.anyMessage.connect(listen);
  return { stop: () => kernel?.anyMessage.disconnect(listen) };
}

/** `come` rejects when the kernel dies: the reply to the execution would never come. */
function watchDeath(context: ISessionContext): { come: Promise<never>; stop: () => void } {
  const mourn = new PromiseDelegate<never>();
  const listen = (_: unknown, status: Kernel.Status): void => {
    if (status === 'dead' || status === 'autorestarting' || status === 'terminating') {
      mourn.reject(
        status === 'autorestarting'
          ? new Failure('kernel', 'The kernel died while the cell ran and is being restarted.', GONE)
          : new Failure('kernel', `The kernel died while the cell ran (${status}).`, `Restart it. ${GONE}`)
      );
    }
  };
  context.statusChanged.connect(listen);
  return { come: mourn.promise, stop: () => context.statusChanged.disconnect(listen) };
}
