/** Which page of the panel is open, and the text that is being written: shared by the panel's parts. */

import type { SharedWithMe } from './protocol';

export type Page = 'chat' | 'timeline' | 'context' | 'memory' | 'sessions' | 'keys' | 'run' | 'visit';

export class Pages {
  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  readonly getPage = (): Page => this._page;

  /** What stands in the composer and is not sent yet. */
  readonly getDraft = (): string => this._draft;

  /** Open a page; opening the one that is open goes back to the conversation. */
  toggle(page: Page): void {
    this.show(page === this._page ? 'chat' : page);
  }

  show(page: Page): void {
    this._page = page;
    this._tell();
  }

  /** The session of somebody else that is shown. */
  readonly getVisited = (): SharedWithMe | null => this._visited;

  visit(there: SharedWithMe): void {
    this._visited = there;
    this.show('visit');
  }

  write(draft: string): void {
    this._draft = draft;
    this._tell();
  }

  private _tell(): void {
    this._listeners.forEach(listener => {
      listener();
    });
  }

  private _draft = '';
  private _listeners = new Set<() => void>();
  private _page: Page = 'chat';
  private _visited: SharedWithMe | null = null;
}
