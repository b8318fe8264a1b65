/**
 * Ghost text: what could follow at the cursor of a cell or file, through JupyterLab's inline completer.
 *
 * JupyterLab waits until typing pauses and draws; this asks the server, for one place at a time. Nothing is
 * asked where it is no code or prose, nor for a while after the server said that no model is chosen.
 */
import { Text } from '@jupyterlab/coreutils';
import type {
  CompletionHandler,
  ICompletionContext,
  IInlineCompletionContext,
  IInlineCompletionList,
  IInlineCompletionProvider
} from '@jupyterlab/completer';
import { InlineCompletionTriggerKind } from '@jupyterlab/completer';
import { NotebookPanel } from '@jupyterlab/notebook';

import { problemOf } from './problems';
import type { IProblem } from './problems';
import type { Completion, CompletionRequest } from './protocol';
import { logoIcon } from './views/icons';

/** Characters that are sent of each part: as many as the server uses. */
const BEFORE = 6_000;
const AFTER = 2_000;
const EARLIER = 4_000;

/** Milliseconds without asking after the server said that it is off, and after a failure. */
const OFF_FOR = 300_000;
const FAILED_FOR = 30_000;

/** The mime types of files in which we continue: code and prose, no data, no configuration with keys in it. */
const LANGUAGES: Record<string, string> = {
  'text/x-python': 'python',
  'text/x-ipython': 'python',
  'text/x-markdown': 'markdown',
  'text/x-ipythongfm': 'markdown',
  'text/x-rsrc': 'r',
  'text/x-julia': 'julia',
  'text/x-sql': 'sql',
  'text/x-sh': 'bash',
  'text/javascript': 'javascript',
  'application/typescript': 'typescript'
};

const NOTHING: IInlineCompletionList = { items: [] };

export interface IGhostTextOptions {
  complete: (request: CompletionRequest, signal: AbortSignal) => Promise<Completion>;
  /** Says a failure; null says that it is off, to somebody who asked by hand. */
  tell: (problem: IProblem | null) => void;
  now?: () => number;
}

export class GhostText implements IInlineCompletionProvider {
  constructor(options: IGhostTextOptions) {
    this._options = options;
    this._now = options.now ?? Date.now;
  }

  readonly identifier = 'codemad-jupyter:ghost-text';
  readonly name = 'CodeMAD';
  readonly icon = logoIcon;
  /** JupyterLab's own settings of a provider, where a person can change them. */
  readonly schema = { default: { debouncerDelay: 350, timeout: 12_000 } };

  async fetch(
    request: CompletionHandler.IRequest,
    context: IInlineCompletionContext
  ): Promise<IInlineCompletionList> {
    this._running?.abort();
    const isByHand = context.triggerKind === InlineCompletionTriggerKind.Invoke;
    const { editor } = context as Partial<ICompletionContext>;
    const asked = requestAt(request, context.widget, editor ?? null);
    if (!asked || (!isByHand && this._now() < this._restsUntil)) {
      return NOTHING;
    }
    const running = new AbortController();
    this._running = running;
    const giveUp = (): void => {
      running.abort();
    };
    // The next request comes only after a pause; this one is out of date with the next key.
    const shared = editor?.model.sharedModel;
    shared?.changed.connect(giveUp);
    try {
      return this._taken(await this._options.complete(asked, running.signal), isByHand);
    } catch (reason) {
      if (!running.signal.aborted) {
        this._failed(problemOf(reason));
      }
      return NOTHING;
    } finally {
      shared?.changed.disconnect(giveUp);
    }
  }

  private _taken({ text, off }: Completion, isByHand: boolean): IInlineCompletionList {
    this._told = '';
    this._restsUntil = off ? this._now() + OFF_FOR : 0;
    if (off && isByHand) {
      this._options.tell(null);
    }
    return text ? { items: [{ insertText: text }] } : NOTHING;
  }

  /** Said once, not with every pause in typing. */
  private _failed(problem: IProblem): void {
    this._restsUntil = this._now() + FAILED_FOR;
    if (this._told !== problem.message) {
      this._told = problem.message;
      this._options.tell(problem);
    }
  }

  private _now: () => number;
  private _options: IGhostTextOptions;
  private _restsUntil = 0;
  private _running: AbortController | null = null;
  private _told = '';
}

/** What to ask; null where nothing is continued. */
export function requestAt(
  { text, offset, mimeType }: CompletionHandler.IRequest,
  widget: IInlineCompletionContext['widget'],
  editor: ICompletionContext['editor']
): CompletionRequest | null {
  // JupyterLab counts in characters, texts are cut in units of UTF-16.
  const caret = Text.charIndexToJsIndex(offset, text);
  const around = { prefix: lastOf(text.slice(0, caret), BEFORE), suffix: firstOf(text.slice(caret), AFTER) };
  if (!around.prefix.trim()) {
    return null;
  }
  if (!(widget instanceof NotebookPanel)) {
    const language = mimeType ? LANGUAGES[mimeType] : undefined;
    return language ? { ...around, language, earlier: [] } : null;
  }
  const { widgets, activeCellIndex } = widget.content;
  const found = widgets.findIndex(cell => cell.editor !== null && cell.editor === editor);
  const at = found < 0 ? activeCellIndex : found;
  const cell = widgets.at(at)?.model;
  if (!cell || cell.type === 'raw') {
    return null;
  }
  const isCode = cell.type === 'code';
  const kernel = widget.content.model?.defaultKernelLanguage ?? '';
  const above = widgets.slice(0, at).filter(({ model }) => model.type === 'code');
  const earlier = nearest(above.map(({ model }) => model.sharedModel.getSource()));
  return { ...around, language: isCode ? kernel || 'python' : 'markdown', earlier };
}

/** The sources nearest to the cell, as much of them as is sent, in their order. */
export function nearest(sources: readonly string[]): string[] {
  const found: string[] = [];
  let left = EARLIER;
  for (const source of [...sources].reverse()) {
    if (left <= 0) {
      break;
    }
    if (source.trim()) {
      found.unshift(lastOf(source, left));
      left -= source.length;
    }
  }
  return found;
}

/* A pair of surrogates is not cut: half of one is no text. */

function lastOf(text: string, limit: number): string {
  return text.length <= limit ? text : text.slice(-limit).replace(/^[\udc00-\udfff]/, '');
}

function firstOf(text: string, limit: number): string {
  return text.length <= limit ? text : text.slice(0, limit).replace(/[\ud800-\udbff]$/, '');
}
