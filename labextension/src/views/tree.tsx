/** The session as a tree of turns, with its branches: where the way parts, the lines go in. */
import { InputDialog } from '@jupyterlab/apputils';
import React from 'react';

import type { BranchInfo, SessionTree, Turn } from '../protocol';
import { clip, line } from '../text';
import { Button, CommandButton } from './button';
import { usePages, usePanel, useSession } from './context';
import { ageText } from './format';
import { Menu } from './menu';
import { ask } from './turnmenu';

/** How far the lines go in at most. */
const DEEPEST = 6;

interface IRow {
  turn: Turn;
  depth: number;
}

/** The turns in the order of a walk, each with how often the way parted before it. */
export function rowsOf(turns: readonly Turn[]): IRow[] {
  const below = new Map<string | null, Turn[]>();
  for (const turn of turns) {
    below.set(turn.parent, [...(below.get(turn.parent) ?? []), turn]);
  }
  const rows: IRow[] = [];
  const firsts = below.get(null) ?? [];
  const waiting = [...firsts].reverse().map(turn => ({ turn, depth: firsts.length > 1 ? 1 : 0 }));
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    rows.push(next);
    const following = below.get(next.turn.run) ?? [];
    const depth = next.depth + (following.length > 1 ? 1 : 0);
    waiting.push(...[...following].reverse().map(turn => ({ turn, depth })));
  }
  return rows;
}

/** The runs from the beginning to the one a branch ends with. */
export function runsTo(turns: readonly Turn[], run: string | null): ReadonlySet<string> {
  const parents = new Map(turns.map(turn => [turn.run, turn.parent]));
  const found = new Set<string>();
  for (let at = run; at !== null && !found.has(at); at = parents.get(at) ?? null) {
    found.add(at);
  }
  return found;
}

export interface ITreeProps {
  tree: SessionTree;
  /** Show a branch beside the one the session stands on. */
  compare: (branch: string) => void;
}

export function TreeView({ tree, compare }: ITreeProps): React.JSX.Element {
  const { trans } = usePanel();
  const heading = React.useId();
  const { branches, turns } = tree;
  const here = runsTo(turns, branches.find(branch => branch.current)?.run ?? null);
  return (
    <section className="codemad-memories" aria-labelledby={heading}>
      <h3 id={heading}>{line(tree.session.title) || trans.__('Untitled session')}</h3>
      <Differing />
      <ul aria-label={trans.__('Branches')} className="codemad-branches">
        {branches.map(branch => (
          <BranchRow key={branch.id} branch={branch} tree={tree} compare={compare} />
        ))}
      </ul>
      {turns.length === 0 && <p className="codemad-page-empty">{trans.__('Nothing was said yet.')}</p>}
      <ol className="codemad-tree" aria-label={trans.__('Turns')}>
        {rowsOf(turns).map(row => (
          <TurnRow key={row.turn.run} row={row} tree={tree} isHere={here.has(row.turn.run)} />
        ))}
      </ol>
    </section>
  );
}

/** Files that are otherwise than the branch last had them, and the way to have them back. */
function Differing(): React.JSX.Element | null {
  const { trans } = usePanel();
  const { branches } = usePages();
  const branch = useSession(snapshot => snapshot.transcript.branch);
  const name = useSession(snapshot => snapshot.transcript.branchName);
  const differing = useSession(snapshot => snapshot.transcript.differing);
  const isRunning = useSession(snapshot => snapshot.transcript.running !== null);
  if (differing.length === 0) {
    return null;
  }
  return (
    <div className="codemad-point-warning" role="status">
      {trans._n(
        '%1 file is otherwise than the branch “%2” last had it:',
        '%1 files are otherwise than the branch “%2” last had them:',
        differing.length,
        differing.length.toString(),
        line(name)
      )}{' '}
      {clip(line(differing.join(', ')), 300)}
      <div className="codemad-point-actions">
        <CommandButton disabled={isRunning} onClick={() => branches.switchTo(branch, true)}>
          {trans.__('Bring these files back')}
        </CommandButton>
      </div>
    </div>
  );
}

interface IBranchRowProps extends ITreeProps {
  branch: BranchInfo;
}

function BranchRow({ branch, tree, compare }: IBranchRowProps): React.JSX.Element {
  const { trans } = usePanel();
  const { branches } = usePages();
  const isRunning = useSession(snapshot => snapshot.transcript.running !== null);
  const name = line(branch.name);
  const turns = runsTo(tree.turns, branch.run).size;
  const rename = (): void => {
    void InputDialog.getText({ title: trans.__('Name the branch'), text: branch.name }).then(
      async ({ value }) => {
        if (value?.trim()) {
          await branches.name(branch.id, value.trim());
        }
      }
    );
  };
  return (
    <li className="codemad-branch" aria-current={branch.current ? 'true' : undefined}>
      <span className={`codemad-flag ${branch.current ? 'codemad-flag-current' : ''}`}>{name}</span>
      <span className="codemad-point-detail">{trans._n('%1 turn', '%1 turns', turns, turns.toString())}</span>
      <span className="codemad-branch-actions">
        {!branch.current && (
          <>
            <CommandButton
              label={trans.__('Switch to “%1”; files stay as they are', name)}
              disabled={isRunning}
              onClick={() => branches.switchTo(branch.id)}
            >
              {trans.__('Switch')}
            </CommandButton>
            <Button
              label={trans.__('Compare “%1” with where you are', name)}
              onClick={() => {
                compare(branch.id);
              }}
            >
              {trans.__('Compare')}
            </Button>
          </>
        )}
        <Button kind="quiet" label={trans.__('Name the branch “%1”', name)} onClick={rename}>
          {trans.__('Rename')}
        </Button>
      </span>
    </li>
  );
}

interface ITurnRowProps {
  row: IRow;
  tree: SessionTree;
  /** It belongs to the branch the session stands on. */
  isHere: boolean;
}

function TurnRow({ row, tree, isHere }: ITurnRowProps): React.JSX.Element {
  const { trans } = usePanel();
  const { branches } = usePages();
  const { turn, depth } = row;
  const prompt = clip(line(turn.prompt), 120) || trans.__('(no words)');
  const details = [
    ageText(turn.at, trans),
    turn.edits ? trans._n('%1 edit', '%1 edits', turn.edits, turn.edits.toString()) : '',
    turn.undone ? trans.__('undone') : '',
    turn.run === tree.running ? trans.__('running') : ''
  ].filter(Boolean);
  const entries = [
    {
      key: 'branch',
      label: trans.__('Branch after this turn…'),
      run: () => {
        ask(branches, { run: turn.run }, trans);
      }
    },
    {
      key: 'fork',
      label: trans.__('Fork into a new session'),
      run: () => void branches.fork({ run: turn.run })
    }
  ];
  return (
    <li
      className={`codemad-turn ${isHere ? 'codemad-turn-here' : ''}`}
      style={{ marginInlineStart: `${14 * Math.min(depth, DEEPEST)}px` }}
    >
      <span className="codemad-turn-dot" aria-hidden="true" />
      <div className="codemad-turn-text">
        <span className="codemad-turn-prompt">{prompt}</span>{' '}
        {tree.branches
          .filter(branch => branch.run === turn.run)
          .map(branch => (
            <span
              key={branch.id}
              className={`codemad-flag ${branch.current ? 'codemad-flag-current' : ''}`}
              title={branch.current ? trans.__('The branch you stand on') : trans.__('A branch ends here')}
            >
              {line(branch.name)}
            </span>
          ))}
        <div className="codemad-point-detail">{details.join(' · ')}</div>
      </div>
      <Menu
        label={trans.__('From “%1”', clip(prompt, 40))}
        entries={entries}
        className="codemad-session-menu"
      >
        {''}
      </Menu>
    </li>
  );
}
