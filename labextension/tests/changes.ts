import type { CellChange } from '../src/protocol';

/** A change with the protocol's defaults. */
export function change(op: CellChange['op'], cell: string, more: Partial<CellChange> = {}): CellChange {
  return {
    op,
    cell,
    cell_type: 'code',
    source: '',
    content: null,
    anchor: null,
    position: 'after',
    expect: null,
    provenance: null,
    ...more
  };
}
