/**
 * What the panel shows of a session: values that the reducer makes and the views draw.
 *
 * Nothing here knows of React, of Lab or of the network.
 */
import type { IComment } from './comments';
import { isAsking } from './questions';
import type { IQuestion } from './questions';
import type { IAgent, IOwnUse, ISteered } from './crew';
import type {
  AgentMessage,
  ApprovalAsked,
  ApprovalSettled,
  Edit,
  EditSettled,
  MemoryChanged,
  Plan,
  Restored,
  RunStarted,
  ToolCalled,
  Usage,
  Verification
} from './protocol';

export type RunState = 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted' | 'out_of_budget';

/** Finished text of the assistant, markdown. */
export interface IText {
  kind: 'text';
  key: string;
  agent: string;
  text: string;
}

export interface IThinking {
  kind: 'thinking';
  key: string;
  agent: string;
  text: string;
}

/** A tool call; `edit` names the edit that came out of it and is shown in its place. */
export interface ITool {
  kind: 'tool';
  key: string;
  agent: string;
  call: string;
  tool: string;
  risk: ToolCalled['risk'];
  arguments: Record<string, unknown>;
  status: 'running' | 'ok' | 'error' | 'denied';
  summary: string;
  content: string;
  output: string;
  seconds: number;
  edit: string | null;
}

export interface IExecution {
  ok: boolean;
  error: string;
  seconds: number;
}

/** A proposed change and what became of it. */
export interface IProposal {
  kind: 'edit';
  key: string;
  agent: string;
  edit: Edit;
  status: EditSettled['status'];
  detail: string;
  execution: IExecution | null;
  /** The kernel works on the cell, on somebody's order. */
  isRunning: boolean;
}

export interface IApproval {
  kind: 'approval';
  key: string;
  agent: string;
  approval: string;
  call: string;
  tool: string;
  action: string;
  reason: string;
  digest: string;
  axis: ApprovalAsked['axis'];
  /** The simple commands of a command line. */
  commands: readonly string[];
  rule: string;
  /** May exactly this be allowed from now on? */
  keepable: boolean;
  /** Seconds since the epoch after which no answer is a no; 0 where that is not known. */
  expires: number;
  decision: 'pending' | ApprovalSettled['decision'];
  answer: string;
}

export interface INote {
  kind: 'note';
  key: string;
  level: 'info' | 'warning' | 'error';
  code: string;
  text: string;
}

/** A cell that was run and belongs to no proposal of the session. */
export interface IExecuted extends IExecution {
  kind: 'executed';
  key: string;
  notebook: string;
  cell: string;
}

/** Facts that are remembered, or were; the latest that became of them. */
export interface IRemembered {
  kind: 'memory';
  key: string;
  memories: readonly string[];
  change: MemoryChanged['change'];
  scope: MemoryChanged['scope'];
  text: string;
}

/** What a verification of the notebook found. */
export interface IVerified {
  kind: 'verified';
  key: string;
  report: Verification;
}

/** A plan as it is now; one that is not current is carried on further down. */
export interface IPlanned {
  kind: 'plan';
  key: string;
  plan: Plan;
  isCurrent: boolean;
}

export type Item =
  | IText
  | IThinking
  | ITool
  | IProposal
  | IApproval
  | IQuestion
  | INote
  | IExecuted
  | IVerified
  | IRemembered
  | IPlanned
  | ISteered;

/** A message that still streams. */
export interface IDraft {
  message: string;
  agent: string;
  text: string;
  thinking: string;
}

export interface IRun {
  kind: 'run';
  key: string;
  id: string;
  at: number;
  prompt: string;
  model: string;
  /** Why it is this model. */
  why: string;
  edge: RunStarted['edge'];
  /** Who asked, where it was a guest of the session. */
  guest: string;
  target: RunStarted['target'];
  state: RunState;
  intent: string;
  phase: string;
  /** All phases it went through, the present one last. */
  phases: readonly string[];
  agents: readonly IAgent[];
  /** What agents said to each other. */
  said: readonly AgentMessage[];
  own: IOwnUse;
  context: number | null;
  items: readonly Item[];
  drafts: readonly IDraft[];
  /** Ids of finished messages: their late deltas are dropped. */
  finished: readonly string[];
  checkpoint: boolean;
  undone: boolean;
  /** It belongs to another branch than the one the session stands on. */
  away: boolean;
  text: string;
  usage: Usage;
  cost: number | null;
  seconds: number;
}

/** An undo or a redo, as a line of its own. */
export interface IRestored {
  kind: 'restored';
  key: string;
  direction: Restored['kind'];
  files: readonly string[];
  cells: readonly string[];
  merged: readonly string[];
  conflicts: readonly string[];
}

export type Entry = IRun | INote | IRestored | IRemembered | IComment;

export interface ITranscript {
  session: string;
  title: string;
  model: string;
  /** The last sequence number seen: what a reconnected stream continues after. */
  seq: number;
  entries: readonly Entry[];
  running: string | null;
  /** What each undo since the last prompt took away; the last group is what Redo brings back. */
  redoable: readonly (readonly string[])[];
  /** The branch the session stands on. */
  branch: string;
  branchName: string;
  /** The branch on which the latest checkpoint was made. */
  madeOn: string;
  /** By branch, what could be redone there when it was left. */
  shelved: Readonly<Record<string, readonly (readonly string[])[]>>;
  /** Files that are otherwise than the branch last had them, until the next prompt. */
  differing: readonly string[];
  /** The number of the last event after which the tree of the session is another. */
  treeSeq: number;
  /** The number of the last event after which the list of checkpoints is another. */
  checkpointsSeq: number;
  /** The number of the last event after which a message would send something else. */
  contextSeq: number;
  /** The number of the last event after which another mode holds. */
  modeSeq: number;
  /** The number of the last event after which something else is remembered. */
  memorySeq: number;
  /** The number of the last event after which agents' worktrees may be others. */
  workSeq: number;
}

/** The transcript before the first event. */
export function emptyTranscript(session = ''): ITranscript {
  return {
    session,
    title: '',
    model: '',
    seq: 0,
    entries: [],
    running: null,
    redoable: [],
    branch: 'main',
    branchName: '',
    madeOn: 'main',
    shelved: {},
    differing: [],
    treeSeq: 0,
    checkpointsSeq: 0,
    contextSeq: 0,
    modeSeq: 0,
    memorySeq: 0,
    workSeq: 0
  };
}

/** All items that wait for the person: proposals, approvals and questions of runs that were not undone. */
export function waiting(transcript: ITranscript): { edits: number; approvals: number } {
  let edits = 0;
  let approvals = 0;
  for (const entry of transcript.entries) {
    if (entry.kind !== 'run' || entry.undone || entry.away) {
      continue;
    }
    for (const item of entry.items) {
      edits += item.kind === 'edit' && item.status === 'pending' ? 1 : 0;
      approvals += isAsking(item) ? 1 : 0;
    }
  }
  return { edits, approvals };
}

/** A proposal by its edit's id. */
export function proposalIn(transcript: ITranscript, edit: string): IProposal | null {
  for (const entry of transcript.entries) {
    for (const item of entry.kind === 'run' ? entry.items : []) {
      if (item.kind === 'edit' && item.edit.id === edit) {
        return item;
      }
    }
  }
  return null;
}
