/**
 * Where notebooks went that were renamed in this tab, remembered over a reload.
 *
 * A proposal names the notebook as it was called when it was made.
 */
const KEY = 'codemad-jupyter:renames';
const MOST = 50;

export class Renames {
  constructor(store: Storage = window.sessionStorage) {
    this._store = store;
    try {
      const pairs: unknown = JSON.parse(store.getItem(KEY) ?? '[]');
      this._to = new Map(Array.isArray(pairs) ? (pairs as [string, string][]) : []);
    } catch {
      // Written by something else: nothing is known then.
      this._to = new Map();
    }
  }

  add(from: string, to: string): void {
    this._to.delete(to);
    this._to.delete(from);
    this._to.set(from, to);
    const pairs = [...this._to].slice(-MOST);
    this._to = new Map(pairs);
    this._store.setItem(KEY, JSON.stringify(pairs));
  }

  /** The name of today. */
  now(path: string): string {
    const seen = new Set<string>();
    let name = path;
    for (let next = this._to.get(name); next !== undefined && !seen.has(next); next = this._to.get(name)) {
      seen.add(next);
      name = next;
    }
    return name;
  }

  private _store: Storage;
  private _to: Map<string, string>;
}
