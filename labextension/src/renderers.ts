/** What other extensions draw in the transcript, in place of our own drawing. */
import type { IDisposable } from '@lumino/disposable';
import { DisposableDelegate } from '@lumino/disposable';

import type { IExecuted, INote, IRemembered, IText, IThinking, ITool, IVerified } from './transcript';

/** What may be drawn by others: all that a person only reads. What they decide on is drawn by us. */
export type Drawable = IText | IThinking | ITool | INote | IRemembered | IExecuted | IVerified;

export interface IRenderer {
  /** A name of its own, as `my-extension:chart`. */
  id: string;
  /** Does it draw this? Called often, so it must be quick. */
  draws: (item: Drawable) => boolean;
  /** Draws into the element, which is empty; what it answers is called before that goes away. Of a tool call
   * this is the result, below the line that says what was done. */
  draw: (item: Drawable, host: HTMLElement) => (() => void) | undefined;
}

const DRAWABLE: readonly string[] = ['text', 'thinking', 'tool', 'note', 'memory', 'executed', 'verified'];

export class Renderers {
  /** Adds a renderer; of two that draw the same the first one does. Disposing takes it away. */
  add(renderer: IRenderer): IDisposable {
    if (this._renderers.some(each => each.id === renderer.id)) {
      throw new Error(`There is a renderer ${renderer.id} already.`);
    }
    this._change([...this._renderers, renderer]);
    return new DisposableDelegate(() => {
      this._change(this._renderers.filter(each => each !== renderer));
    });
  }

  /** The renderer for an item; one that fails at the question draws nothing. */
  of(item: { kind: string }): IRenderer | null {
    if (!DRAWABLE.includes(item.kind)) {
      return null;
    }
    for (const renderer of this._renderers) {
      try {
        if (renderer.draws(item as Drawable)) {
          return renderer;
        }
      } catch (error) {
        this.failed(renderer, error);
      }
    }
    return null;
  }

  /** Tells the author of a renderer what went wrong. */
  failed(renderer: IRenderer, error: unknown): void {
    // eslint-disable-next-line no-console -- it is for the author of another extension, not for the person
    console.error(`The renderer ${renderer.id} failed.`, error);
  }

  readonly subscribe = (heard: () => void): (() => void) => {
    this._heard.add(heard);
    return () => this._heard.delete(heard);
  };

  readonly all = (): readonly IRenderer[] => this._renderers;

  private _change(renderers: readonly IRenderer[]): void {
    this._renderers = renderers;
    for (const heard of this._heard) {
      heard();
    }
  }

  private _renderers: readonly IRenderer[] = [];
  private readonly _heard = new Set<() => void>();
}

/** Where there is no registry, as in a notebook. */
export const NO_RENDERERS = new Renderers();
