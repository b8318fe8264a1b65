/**
 * Runs a cell the way the person would, and waits for its end however long it takes.
 *
 * Refuses beforehand where Lab would open a dialog and wait for a click.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { Cell, CodeCell } from '@jupyterlab/cells';
import type { Notebook, NotebookPanel } from '@jupyterlab/notebook';
import { NotebookActions } from '@jupyterlab/notebook';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
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
const STOP_LIMIT = 2000;
const GONE = 'Its variables are gone: run the cells above again.';

export async function execute(panel: NotebookPanel, id: string): Promise<IExecutionReply> {
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
  const turn = new Turn(cell, sessionContext);
  turns.set(keyOf(panel, id), turn);
  const death = watchDeath(sessionContext);
  try {
    const isOk = await Promise.race([run(content, cell, sessionContext), death.come]);
    showEnd(panel, cell);
    return { ok: isOk, error: isOk ? '' : error.text(), seconds: (performance.now() - begin) / 1000 };
  } finally {
    error.stop();
    death.stop();
    turn.end();
    if (turns.get(keyOf(panel, id)) === turn) {
      turns.delete(keyOf(panel, id));
    }
  }
}

/**
 * Ends an execution that was ordered here, at once or when its turn comes, and says whether it ended.
 *
 * A cell that the person started is never interrupted for it, though both share a kernel.
 */
export async function interrupt(panel: NotebookPanel, id: string): Promise<boolean> {
  const turn = turns.get(keyOf(panel, id));
  return turn ? turn.stop() : true;
}

/** The executions that were ordered here and have not ended. */
const turns = new Map<string, Turn>();

function keyOf(panel: NotebookPanel, id: string): string {
  return `${panel.id} ${id}`;
}

/** One ordered execution: knows by the messages of the kernel whether it is the one that runs. */
class Turn {
  constructor(cell: Cell, context: ISessionContext) {
    this._cell = cell;
    this._context = context;
    context.iopubMessage.connect(this._listen);
  }

  async stop(): Promise<boolean> {
    this._isUnwanted = true;
    if (this._isRunning) {
      await this._context.session?.kernel?.interrupt();
    }
    const late = new Promise<boolean>(resolve => setTimeout(resolve, STOP_LIMIT, false));
    return Promise.race([this._ended.promise.then(() => true), late]);
  }

  end(): void {
    this._isRunning = false;
    this._context.iopubMessage.disconnect(this._listen);
    this._ended.resolve();
  }

  private _listen = (_: unknown, message: KernelMessage.IMessage): void => {
    const future = 'outputArea' in this._cell ? (this._cell as CodeCell).outputArea.future : null;
    const isOurs =
      !!future && (message.parent_header as { msg_id?: string }).msg_id === future.msg.header.msg_id;
    if (!isOurs || message.header.msg_type !== 'status') {
      return;
    }
    this._isRunning = (message as KernelMessage.IStatusMsg).content.execution_state === 'busy';
    if (this._isRunning && this._isUnwanted) {
      void this._context.session?.kernel?.interrupt();
    }
  };

  private _cell: Cell;
  private _context: ISessionContext;
  private _ended = new PromiseDelegate<void>();
  private _isRunning = false;
  private _isUnwanted = false;
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
