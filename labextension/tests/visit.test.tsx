/* eslint-disable jupyter/no-untranslated-string -- what guests and owners say is data here */
/** Somebody else's session: drawn as data of our own server, with nothing in it that could be decided. */
import React from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Pages } from '../src/pages';
import type { SharedWithMe } from '../src/protocol';
import { reduce } from '../src/reduce';
import { emptyTranscript } from '../src/transcript';
import { CommentView } from '../src/views/comment';
import { SessionsPage } from '../src/views/sessions';
import { VisitPage } from '../src/views/visit';
import { Log, SESSION } from './events';
import { drawPanel } from './panel';
import { TestServer } from './server';

const THERE: SharedWithMe = { owner: 'ann', session: SESSION, title: 'Sales', permission: 'drive' };

let server: TestServer;
let pages: Pages;
let host: HTMLElement;
let close: () => Promise<void>;

function draw(view: React.ReactNode): void {
  ({ pages, host, close } = drawPanel(server, view));
}

beforeEach(async () => {
  server = await TestServer.start();
});

afterEach(async () => {
  await close();
});

async function shows(text: string): Promise<void> {
  await vi.waitFor(() => {
    expect(host.textContent).toContain(text);
  });
}

/** What the owner's session holds: a run that waits for an answer, and a comment. */
function told(): Log {
  const target = { notebook: null, kernel: null, cell: null };
  return new Log().tell(
    { type: 'run_started', prompt: 'Draw it', model: 'm', edge: 'guest', guest: 'ben', target },
    { type: 'approval_asked', approval: 'a1', call: 'c1', tool: 'run_code', action: 'print(1)', commands: [] },
    { type: 'commented', run: null, guest: 'ben', text: '<img src=x onerror=alert(1)>' }
  );
}

test('a visitor sees all of it and is offered no decision', async () => {
  draw(<VisitPage />);
  server.routes['shared/events'] = { events: told().events };
  pages.visit(THERE);
  await shows('Draw it');
  await shows('print(1)');
  expect(host.querySelector('.codemad-comment-text')?.textContent).toContain('<img src=x');
  expect(host.querySelector('img')).toBeNull();
  const names = [...host.querySelectorAll('button')].map(each => each.textContent || each.title);
  expect(names.filter(name => !/Back|newest/.test(name))).toEqual(['Comment', 'Ask']);
  expect(server.commands).toEqual([]);
});

test('what a visitor writes goes out as a comment or a prompt and as nothing else', async () => {
  draw(<VisitPage />);
  server.routes['shared/events'] = { events: [] };
  server.routes['shared/words'] = {};
  pages.visit(THERE);
  await shows('in your name');
  await vi.waitFor(() => {
    expect(host.querySelector('textarea')).not.toBeNull();
  });
  const area = host.querySelector('textarea') as HTMLTextAreaElement;
  for (const [button, kind] of [
    ['Comment', 'comment'],
    ['Ask', 'prompt']
  ]) {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')?.set?.call(area, `As a ${kind}`);
    area.dispatchEvent(new Event('input', { bubbles: true }));
    const named = [...host.querySelectorAll('button')].find(each => each.textContent === button);
    await vi.waitFor(() => {
      expect(named?.disabled).toBe(false);
    });
    named?.click();
    await vi.waitFor(() => {
      expect(server.sent['shared/words']).toEqual({
        owner: 'ann',
        session: SESSION,
        kind,
        text: `As a ${kind}`
      });
    });
    await vi.waitFor(() => {
      expect(area.value).toBe('');
    });
  }
  expect(server.commands).toEqual([]);
});

test('a reader has nothing to write in', async () => {
  draw(<VisitPage />);
  server.routes['shared/events'] = { events: told().events };
  pages.visit({ ...THERE, permission: 'read' });
  await shows('ann lets you read this.');
  expect(host.querySelector('textarea')).toBeNull();
});

test('the sessions page lists what is shared and takes it back', async () => {
  server.routes.shared = {
    mine: [{ session: SESSION, guest: 'ben', permission: 'read', title: 'First' }],
    with_me: [{ ...THERE, owner: 'cleo' }],
    problem: '',
    offered: true
  };
  draw(<SessionsPage />);
  await shows('Sales of cleo');
  await shows('First with ben');
  [...host.querySelectorAll('button')].find(each => each.textContent === 'Stop')?.click();
  await vi.waitFor(() => {
    expect(server.commands).toEqual([{ type: 'unshare_session', session: SESSION, guest: 'ben' }]);
  });
  [...host.querySelectorAll('button')].find(each => each.textContent === 'Sales of cleo')?.click();
  expect(pages.getVisited()?.owner).toBe('cleo');
});

test('a comment can be quoted into a message, and is an entry of its own', () => {
  const state = told().events.reduce(reduce, emptyTranscript(SESSION));
  const comment = state.entries.find(entry => entry.kind === 'comment');
  expect(comment?.guest).toBe('ben');
  draw(comment ? <CommentView comment={{ ...comment, text: 'Mind May.\nAnd June.' }} /> : null);
  return vi.waitFor(() => {
    host.querySelector('button')?.click();
    expect(pages.getDraft()).toBe('ben:\n> Mind May.\n> And June.\n\n');
  });
});
