 
import { expect, test } from 'vitest';

import type { CellTarget, Edit, Hunk } from '../src/protocol';
import type { IOpen } from '../src/proposals';
import { isOpen, isRunnable, openProposals, placesOf, sizeOf, slotsOf, splitLines, walk } from '../src/proposals';
import { reduce } from '../src/reduce';
import { emptyTranscript } from '../src/transcript';
import type { IProposal } from '../src/transcript';
import { Log, cellEdit, randomOf } from './events';

function proposal(edit: Edit, status: IProposal['status'] = 'pending'): IProposal {
  return { kind: 'edit', key: edit.id, edit, status, detail: '', execution: null } as IProposal;
}

function open(id: string, target: Partial<CellTarget>): IOpen {
  return { proposal: proposal(cellEdit(id, target)), run: 'r1' };
}

function hunkAt(id: number, start: number, old: string[], fresh: string[], status: Hunk['status']): Hunk {
  return { id, start, old, new: fresh, status };
}

function edit(before: string, hunks: Hunk[]): Edit {
  return cellEdit('e1', {}, { before, hunks });
}

test('hunks stand where they are in the text of now: accepted ones are in it, rejected ones are not', () => {
  const { text, places } = placesOf(
    edit('a\nb\nc\nd\n', [
      hunkAt(2, 3, ['d\n'], ['D\n'], 'pending'),
      hunkAt(0, 0, ['a\n'], ['A1\n', 'A2\n'], 'accepted'),
      hunkAt(1, 2, ['c\n'], ['C\n'], 'rejected')
    ])
  );
  expect(text).toBe('A1\nA2\nb\nc\nd\n');
  expect(places).toHaveLength(1);
  expect(text.slice(places[0].from, places[0].to)).toBe('d\n');
  expect(places[0].fresh).toBe('D\n');
});

test('lines that both sides of a hunk share are left out', () => {
  const { text, places } = placesOf(
    edit('one\ntwo\nend', [hunkAt(0, 0, ['one\n', 'two\n', 'end'], ['one\n', '2\n', 'end'], 'pending')])
  );
  expect(text.slice(places[0].from, places[0].to)).toBe('two\n');
  expect(places[0].old).toBe('two\n');
  expect(places[0].fresh).toBe('2\n');
});

test('a hunk that changes line ends alone shows both of its sides', () => {
  const { places } = placesOf(edit('a\n', [hunkAt(0, 0, ['a\n'], ['a'], 'pending')]));
  expect(places[0]).toMatchObject({ from: 0, to: 2, old: 'a\n', fresh: 'a' });
});

test('line ends are unified, as in an editor', () => {
  const { text, places } = placesOf(
    edit('a\r\nb\r\n', [hunkAt(0, 1, ['b\r\n'], ['B\r\n'], 'pending')])
  );
  expect(text).toBe('a\nb\n');
  expect(places[0]).toMatchObject({ from: 2, to: 4, old: 'b\n', fresh: 'B\n' });
});

test('lines are cut as Python cuts them', () => {
  expect(splitLines('a\r\nb\rc\nd\x0ce\x1cf\x85g\u2028h\u2029i')).toEqual([
    'a\r\n',
    'b\r',
    'c\n',
    'd\x0c',
    'e\x1c',
    'f\x85',
    'g\u2028',
    'h\u2029',
    'i'
  ]);
  expect(splitLines('')).toEqual([]);
  expect(splitLines('\n\n')).toEqual(['\n', '\n']);
});

test('applying what the places say gives the text with everything accepted', () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = randomOf(seed);
    const lines = Array.from({ length: 12 }, () => `${'abc'[random(3)]}\n`);
    const hunks: Hunk[] = [];
    for (let at = random(3), id = 0; at < lines.length; at += 2 + random(3), id++) {
      const old = lines.slice(at, at + random(3));
      const fresh = Array.from({ length: random(3) }, () => `${'abcX'[random(4)]}\n`);
      hunks.push(hunkAt(id, at, old, fresh, (['pending', 'accepted', 'rejected'] as const)[random(3)]));
      at += old.length;
    }
    const before = lines.join('');
    const { text, places } = placesOf(edit(before, hunks));
    let applied = text;
    for (const { from, to, fresh } of [...places].reverse()) {
      applied = applied.slice(0, from) + fresh + applied.slice(to);
    }
    const all = hunks.map(each => (each.status === 'pending' ? { ...each, status: 'accepted' as const } : each));
    expect(applied, `seed ${seed}`).toBe(placesOf(edit(before, all)).text);
    for (const { from, to, old } of places) {
      expect(text.slice(from, to)).toBe(old);
    }
  }
});

test('sizes count the lines that differ', () => {
  const hunks = [hunkAt(0, 0, ['a\n', 'b\n'], ['a\n', 'c\n', 'd\n'], 'pending')];
  expect(sizeOf(edit('a\nb\n', hunks))).toEqual({ added: 2, removed: 1 });
});

test('new cells stand where they would come, also after cells that are only proposed', () => {
  const slots = slotsOf(
    ['c1', 'c2'],
    [
      open('top', { op: 'insert', cell: 'n0', anchor: null, position: 'before' }),
      open('one', { op: 'insert', cell: 'n1', anchor: 'c1' }),
      open('two', { op: 'insert', cell: 'n2', anchor: 'n1' }),
      open('end', { op: 'insert', cell: 'n3', anchor: null }),
      open('gone', { op: 'insert', cell: 'n4', anchor: 'nowhere' })
    ]
  );
  expect(slots.map(({ cell, slot, shown }) => [cell, slot, shown.map(each => each.open.proposal.edit.id)])).toEqual([
    ['c1', 'above', ['top']],
    ['c1', 'below', ['one', 'two']],
    ['c2', 'below', ['end']]
  ]);
  expect(walk(['c1', 'c2'], slots)).toEqual(['top', 'one', 'two', 'end']);
});

test('a moved cell is shown where it is and where it goes, and walked through once', () => {
  const slots = slotsOf(['c1', 'c2', 'c3'], [open('m', { op: 'move', cell: 'c3', anchor: 'c1', position: 'before' })]);
  expect(slots.map(({ cell, slot, shown }) => [cell, slot, shown[0].part])).toEqual([
    ['c3', 'input', 'from'],
    ['c1', 'above', 'to']
  ]);
  expect(walk(['c1', 'c2', 'c3'], slots)).toEqual(['m']);
});

test('changes of a cell that is gone are in no slot', () => {
  expect(slotsOf(['c1'], [open('x', { op: 'delete', cell: 'c9' })])).toEqual([]);
});

test('what waits is pending or stale, and not of a run that was undone', () => {
  expect(isOpen(proposal(cellEdit('a')))).toBe(true);
  expect(isOpen(proposal(cellEdit('a'), 'stale'))).toBe(true);
  expect(isOpen(proposal(cellEdit('a'), 'rejected'))).toBe(false);
  const log = new Log().start().tell({ type: 'edit_proposed', edit: cellEdit('e1') }).finish();
  const transcript = log.events.reduce(reduce, emptyTranscript('s1'));
  expect(openProposals(transcript).map(({ run }) => run)).toEqual(['r1']);
  expect(openProposals(transcript)[0]).toBe(openProposals(transcript)[0]);
  const entries = transcript.entries.map(entry => (entry.kind === 'run' ? { ...entry, undone: true } : entry));
  expect(openProposals({ ...transcript, entries })).toEqual([]);
});

test('only code that stays can be run', () => {
  const may = (op: CellTarget['op'], type: CellTarget['cell_type'] = 'code'): boolean =>
    isRunnable(cellEdit('e', { op, cell_type: type }));
  expect(['insert', 'replace', 'split', 'merge'].map(op => may(op as CellTarget['op']))).toEqual([
    true,
    true,
    true,
    true
  ]);
  expect(['delete', 'move', 'clear', 'retype'].some(op => may(op as CellTarget['op']))).toBe(false);
  expect(may('insert', 'markdown')).toBe(false);
});
