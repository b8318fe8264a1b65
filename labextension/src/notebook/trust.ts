/**
 * Which outputs the person's own kernel made, so that an undo may bring them back trusted.
 *
 * Content that arrives from the server is never trusted by what it says of itself. Only outputs
 * that stood trusted in this tab when a snapshot was taken, in the same cell, come back so.
 */
const KEPT_PER_CELL = 3;

export class TrustMemory {
  remember(cell: string, outputs: unknown): void {
    const known = this._known.get(cell) ?? [];
    const text = JSON.stringify(outputs);
    this._known.set(cell, [text, ...known.filter(other => other !== text)].slice(0, KEPT_PER_CELL));
  }

  isTrusted(cell: string, outputs: unknown): boolean {
    return this._known.get(cell)?.includes(JSON.stringify(outputs)) ?? false;
  }

  private _known = new Map<string, string[]>();
}
