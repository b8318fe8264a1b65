/* eslint-disable jupyter/no-untranslated-string -- titles of sessions and edits are data here */
/** The whole of one pure function, in one file: its tests share the log and how a transcript is made of it. */
import { expect, test } from 'vitest';

import type { Event, Trial } from '../src/protocol';
import { reduce } from '../src/reduce';
import type { IProposal, IRun, ITool, ITranscript, Item } from '../src/transcript';
import { emptyTranscript, waiting } from '../src/transcript';
import { Log, SESSION, assistant, cellEdit, hunk, randomOf } from './events';

function transcriptOf(events: readonly Event[]): ITranscript {
  return events.reduce(reduce, emptyTranscript(SESSION));
}

function runOf(state: ITranscript, id = 'r1'): IRun {
  const run = state.entries.find(entry => entry.key === id);
  if (run?.kind !== 'run') {
    throw new Error(`no run ${id}`);
  }
  return run;
}

function itemOf<K extends Item['kind']>(state: ITranscript, kind: K): Extract<Item, { kind: K }> {
  const items = state.entries.flatMap(entry => (entry.kind === 'run' ? entry.items : []));
  const found = items.find(item => item.kind === kind);
  if (!found) {
    throw new Error(`no item of kind ${kind}`);
  }
  return found as Extract<Item, { kind: K }>;
}

test('a run goes from its prompt to its end', () => {
  const log = new Log().start();
  expect(transcriptOf(log.events).running).toBe('r1');

  log.say('m1', 'Hello').finish();
  const state = transcriptOf(log.events);

  expect(state.running).toBeNull();
  const run = runOf(state);
  expect(run.state).toBe('done');
  expect(run.prompt).toBe('do it');
  expect(run.items.map(item => item.kind)).toEqual(['text']);
  expect(run.usage.input_tokens).toBe(10);
});

test('deltas are shown while they come and give way to the finished message', () => {
  const log = new Log()
    .start()
    .tell({ type: 'thinking_delta', message: 'm1', text: 'hm' })
    .tell({ type: 'text_delta', message: 'm1', text: 'Hel' }, { type: 'text_delta', message: 'm1', text: 'lo' });
  expect(runOf(transcriptOf(log.events)).drafts).toEqual([
    { message: 'm1', agent: 'main', text: 'Hello', thinking: 'hm' }
  ]);

  log.tell({ type: 'message_done', id: 'm1', message: assistant('Hello!', 'hm') });
  const run = runOf(transcriptOf(log.events));

  expect(run.drafts).toEqual([]);
  expect(run.items.map(item => item.kind)).toEqual(['thinking', 'text']);
});

test('a delta that comes after its message changes nothing', () => {
  const log = new Log().start().say('m1', 'Hello').tell({ type: 'text_delta', message: 'm1', text: 'lo' });
  expect(runOf(transcriptOf(log.events)).drafts).toEqual([]);
});

test('events seen before and events of other sessions change nothing, not even the identity', () => {
  const log = new Log().start().say('m1', 'Hello');
  const state = transcriptOf(log.events);

  expect(log.events.reduce(reduce, state)).toBe(state);
  expect(reduce(state, { ...log.events[1], session: 'other', seq: 99 })).toBe(state);
});

test('an event without a number is taken and does not move the counter', () => {
  const state = transcriptOf(new Log().start().events);
  const notice: Event = {
    type: 'notice',
    seq: 0,
    session: SESSION,
    run: null,
    agent: 'main',
    at: 5,
    level: 'error',
    code: 'store',
    text: 'The disk is full.'
  };
  const next = reduce(state, notice);
  expect(next.seq).toBe(state.seq);
  expect(next.entries.at(-1)).toMatchObject({ kind: 'note', text: 'The disk is full.' });
});

test('a tool call goes from running to done, and names the edit that came of it', () => {
  const log = new Log()
    .start()
    .tell({ type: 'tool_called', call: 't1', tool: 'insert_cell', arguments: { source: 'x' }, risk: 'write' })
    .tell({ type: 'tool_output', call: 't1', text: 'working' });
  expect(itemOf(transcriptOf(log.events), 'tool')).toMatchObject({ status: 'running', output: 'working' });

  log.tell({
    type: 'tool_done',
    call: 't1',
    tool: 'insert_cell',
    status: 'ok',
    summary: 'proposed',
    content: '{"edit": "e1", "cell": "c9"}',
    seconds: 0.5
  });
  expect(itemOf(transcriptOf(log.events), 'tool')).toMatchObject({ status: 'ok', edit: 'e1', seconds: 0.5 });
});

test.each(['{not json', '{"edit": 3}', 'plain', '[1]', ''])('the answer %j names no edit', content => {
  const log = new Log()
    .start()
    .tell({ type: 'tool_called', call: 't1', tool: 'read_file', arguments: {}, risk: 'read' })
    .tell({ type: 'tool_done', call: 't1', tool: 'read_file', status: 'ok', summary: '', content, seconds: 0 });
  expect(itemOf(transcriptOf(log.events), 'tool').edit).toBeNull();
});

test('hunks are settled one by one, also after the run has ended', () => {
  const edit = cellEdit('e1', {}, { hunks: [hunk(0, ['a\n'], ['b\n']), hunk(1, ['c\n'], ['d\n'])] });
  const log = new Log().start().tell({ type: 'edit_proposed', edit }).finish();
  log.tell({ type: 'edit_settled', edit: 'e1', status: 'pending', hunks: { 0: 'accepted', 1: 'pending' } });
  expect(waiting(transcriptOf(log.events)).edits).toBe(1);

  log.tell({ type: 'edit_settled', edit: 'e1', status: 'partial', hunks: { 0: 'accepted', 1: 'rejected' } });
  const proposal = itemOf(transcriptOf(log.events), 'edit');

  expect(proposal.status).toBe('partial');
  expect(proposal.edit.hunks.map(each => each.status)).toEqual(['accepted', 'rejected']);
  expect(waiting(transcriptOf(log.events)).edits).toBe(0);
});

test('a stale edit keeps its hunks and says why', () => {
  const log = new Log().start().tell({ type: 'edit_proposed', edit: cellEdit('e1') }).finish();
  log.tell({ type: 'edit_settled', edit: 'e1', status: 'stale', hunks: { 0: 'pending' }, detail: 'It changed.' });
  expect(itemOf(transcriptOf(log.events), 'edit')).toMatchObject({ status: 'stale', detail: 'It changed.' });
});

test('a trial and an execution belong to their proposal', () => {
  const trial: Trial = {
    status: 'passed',
    method: 'fork',
    detail: '',
    seconds: 0.2,
    outputs: [],
    receipt: null,
    replayed: []
  };
  const log = new Log()
    .start()
    .tell({ type: 'edit_proposed', edit: cellEdit('e1') }, { type: 'edit_tried', edit: 'e1', trial })
    .finish()
    .tell({ type: 'edit_settled', edit: 'e1', status: 'accepted', hunks: { 0: 'accepted' } })
    .tell({ type: 'cell_executed', notebook: 'a.ipynb', cell: 'c1', ok: false, error: 'E: x', seconds: 2 });
  const proposal: IProposal = itemOf(transcriptOf(log.events), 'edit');

  expect(proposal.edit.trial).toEqual(trial);
  expect(proposal.execution).toEqual({ ok: false, error: 'E: x', seconds: 2 });
});

test('what language servers say belongs to its proposal', () => {
  const problem = { path: 'a.ipynb', cell: 'c1', line: 1, column: 1, severity: 'error', code: 'r', server: 'ty' } as const;
  const diagnosis = { problems: [{ ...problem, text: 'no such name', unused: false }], more: 2, servers: ['ty'], detail: '' };
  const log = new Log()
    .start()
    .tell({ type: 'edit_proposed', edit: cellEdit('e1') }, { type: 'edit_diagnosed', edit: 'e1', diagnosis });
  expect(itemOf(transcriptOf(log.events), 'edit').edit.diagnosis).toEqual(diagnosis);
});

test('a cell runs from the word that it began to the word how it ended', () => {
  const began = new Log()
    .start()
    .tell({ type: 'edit_proposed', edit: cellEdit('e1') })
    .finish()
    .tell({ type: 'edit_settled', edit: 'e1', status: 'accepted', hunks: { 0: 'accepted' } })
    .tell({ type: 'cell_started', notebook: 'a.ipynb', cell: 'c1' });
  expect(itemOf(transcriptOf(began.events), 'edit')).toMatchObject({ isRunning: true, execution: null });
  const ended = began.tell({
    type: 'cell_executed',
    notebook: 'a.ipynb',
    cell: 'c1',
    ok: true,
    error: '',
    seconds: 2
  });
  expect(itemOf(transcriptOf(ended.events), 'edit')).toMatchObject({ isRunning: false, execution: { ok: true } });
});

test('a cell that no proposal touched is told on its own', () => {
  const log = new Log()
    .start()
    .tell({ type: 'cell_executed', notebook: 'a.ipynb', cell: 'c7', ok: true, error: '', seconds: 2 });
  expect(itemOf(transcriptOf(log.events), 'executed')).toMatchObject({ cell: 'c7', ok: true });
});

test('what nobody answered or finished ends with its run', () => {
  const log = new Log()
    .start()
    .tell({ type: 'tool_called', call: 't1', tool: 'run_code', arguments: {}, risk: 'execute' })
    .tell({ type: 'approval_asked', approval: 'a1', call: 't1', tool: 'run_code', action: 'x', reason: '' });
  expect(waiting(transcriptOf(log.events)).approvals).toBe(1);

  const state = transcriptOf(log.finish().events);

  expect(itemOf(state, 'approval').decision).toBe('expired');
  const tool: ITool = itemOf(state, 'tool');
  expect(tool.status).toBe('error');
  expect(waiting(state).approvals).toBe(0);
});

test('an approval shows how it was answered', () => {
  const log = new Log()
    .start()
    .tell({ type: 'approval_asked', approval: 'a1', call: 't1', tool: 'run_code', action: 'x', reason: '' })
    .tell({ type: 'approval_settled', approval: 'a1', decision: 'rejected', reason: 'no' });
  expect(itemOf(transcriptOf(log.events), 'approval')).toMatchObject({ decision: 'rejected', answer: 'no' });
});

test('undo marks runs, redo brings them back, a new prompt forgets the redo', () => {
  const log = new Log().start('r1').finish('r1').start('r2').finish('r2');
  log.tell({ type: 'restored', run: null, kind: 'undo', runs: ['r1', 'r2'], files: [], cells: [], merged: [], conflicts: [] });
  let state = transcriptOf(log.events);
  expect([runOf(state, 'r1').undone, runOf(state, 'r2').undone]).toEqual([true, true]);
  expect(state.redoable).toEqual([['r1', 'r2']]);

  log.tell({ type: 'restored', run: null, kind: 'redo', runs: ['r1', 'r2'], files: [], cells: [], merged: [], conflicts: [] });
  state = transcriptOf(log.events);
  expect([runOf(state, 'r1').undone, runOf(state, 'r2').undone]).toEqual([false, false]);
  expect(state.redoable).toEqual([]);

  log.tell({ type: 'restored', run: null, kind: 'undo', runs: ['r2'], files: [], cells: [], merged: [], conflicts: ['c1'] });
  state = transcriptOf(log.start('r3').events);
  expect(state.redoable).toEqual([]);
  expect(state.entries.map(entry => entry.kind)).toEqual(['run', 'run', 'restored', 'restored', 'restored', 'run']);
});

test('a proposal of an undone run waits for nobody', () => {
  const log = new Log().start().tell({ type: 'edit_proposed', edit: cellEdit('e1') }).finish();
  log.tell({ type: 'restored', run: null, kind: 'undo', runs: ['r1'], files: [], cells: [], merged: [], conflicts: [] });
  expect(waiting(transcriptOf(log.events))).toEqual({ edits: 0, approvals: 0 });
});

test('a checkpoint of a run makes it undoable, one of an undo does not', () => {
  const log = new Log().start().tell({ type: 'checkpoint_made', checkpoint: 'k', reason: 'undo' });
  expect(runOf(transcriptOf(log.events)).checkpoint).toBe(false);
  log.tell({ type: 'checkpoint_made', checkpoint: 'k2', reason: 'run' });
  expect(runOf(transcriptOf(log.events)).checkpoint).toBe(true);
});

test('runs that an event does not concern keep their identity', () => {
  const log = new Log().start('r1').finish('r1').start('r2');
  const before = transcriptOf(log.events);
  const after = transcriptOf(log.tell({ type: 'text_delta', run: 'r2', message: 'm', text: 'x' }).events.slice(0, 0));
  expect(after.entries).toEqual([]);
  const next = reduce(before, log.events[log.events.length - 1]);
  expect(runOf(next, 'r1')).toBe(runOf(before, 'r1'));
  expect(runOf(next, 'r2')).not.toBe(runOf(before, 'r2'));
});

test('the session’s title and model follow', () => {
  const log = new Log().tell({ type: 'session_changed', run: null, title: 'Radius', model: 'codemad/offline' });
  expect(transcriptOf(log.events)).toMatchObject({ title: 'Radius', model: 'codemad/offline' });
});

/** A plausible history of several runs, with deltas, tools, edits, approvals and undos in between. */
function history(seed: number): Log {
  const random = randomOf(seed);
  const log = new Log().tell({ type: 'session_changed', run: null, title: 't', model: 'm' });
  const runs: string[] = [];
  for (let number = 0; number < 1 + random(4); number++) {
    const run = `r${number}`;
    runs.push(run);
    log.start(run);
    for (let step = 0; step < random(7); step++) {
      turn(log, run, `${number}-${step}`, random);
    }
    log.finish(run);
    if (random(3) === 0) {
      const kind = random(2) ? 'undo' : 'redo';
      log.tell({ type: 'restored', run: null, kind, runs: [runs[random(runs.length)]], files: [], cells: [], merged: [], conflicts: [] });
    }
  }
  return log;
}

function turn(log: Log, run: string, id: string, random: (below: number) => number): void {
  const text = Array.from({ length: 1 + random(5) }, (_, index) => `${id}.${index} `);
  for (const part of text) {
    const type = random(4) === 0 ? 'thinking_delta' : 'text_delta';
    log.tell({ type, run, message: id, text: part });
    if (random(6) === 0) {
      log.tell({ type: 'notice', run, level: 'warning', code: 'retry', text: 'again' });
    }
  }
  log.tell({ type: 'message_done', run, id, message: assistant(text.join(''), random(2) ? 'hm' : '') });
  switch (random(4)) {
    case 0:
      log.tell({ type: 'tool_called', run, call: id, tool: 'read_file', arguments: {}, risk: 'read' });
      log.tell({ type: 'tool_output', run, call: id, text: 'out' });
      break;
    case 1:
      log.tell({ type: 'edit_proposed', run, edit: cellEdit(id, { cell: id }) });
      log.tell({ type: 'edit_settled', run, edit: id, status: 'accepted', hunks: { 0: 'accepted' } });
      log.tell({ type: 'cell_executed', run, notebook: 'a.ipynb', cell: id, ok: true, error: '', seconds: 1 });
      break;
    case 2:
      log.tell({ type: 'approval_asked', run, approval: id, call: id, tool: 't', action: 'a', reason: 'r' });
  }
}

test.each(Array.from({ length: 60 }, (_, seed) => seed))('live, replayed and resumed agree (history %i)', seed => {
  const log = history(seed);
  const random = randomOf(seed + 1000);
  const live = transcriptOf(log.events);
  const replayed = transcriptOf(log.stored);

  // Interrupted somewhere: the stream comes back with everything after the last number, and a little before.
  const cut = random(log.events.length);
  const again = log.events.slice(Math.max(0, cut - random(10)));
  const resumed = [...log.events.slice(0, cut), ...again].reduce(reduce, emptyTranscript(SESSION));

  expect(resumed).toEqual(live);
  // The last events may have been deltas, which are numbered but never stored.
  expect({ ...replayed, seq: live.seq }).toEqual(live);
});
