/**
 * What one run makes of its own events: drafts, messages, tool cards, approvals, proposals.
 *
 * Pure. Which run an event belongs to, and what concerns several runs, is decided in `reduce`.
 */
import { questionSettled, questioned } from './questions';
import { MAIN, added, agentChanged, agentSaid, steered } from './crew';
import type {
  ApprovalAsked,
  EditProposed,
  Event,
  MessageDone,
  RunStarted,
  TextDelta,
  ThinkingDelta,
  ToolCalled,
  ToolDone
} from './protocol';
import type { IDraft, IRun, Item } from './transcript';

/** The events that concern nothing but their run. */
export type RunEvent = Exclude<
  Event,
  {
    type:
      | 'branch_changed'
      | 'session_changed'
      | 'run_started'
      | 'run_finished'
      | 'notice'
      | 'restored'
      | 'edit_tried'
      | 'edit_diagnosed'
      | 'edit_settled'
      | 'cell_started'
      | 'cell_executed'
      | 'approval_settled'
      | 'checkpoint_made'
      | 'checkpoints_changed'
      | 'verified'
      | 'kernel_changed'
      | 'data_level_chosen'
      | 'mode_chosen'
      | 'compacted'
      | 'memory_changed'
      | 'plan_changed'
      | 'share_changed'
      | 'commented'
      | 'committed';
  }
>;

/** The run after one of its events. */
export function withinRun(run: IRun, event: RunEvent): IRun {
  switch (event.type) {
    case 'intent_decided':
      return { ...run, intent: event.intent };
    case 'phase_changed':
      return { ...run, phase: event.phase, phases: [...run.phases, event.phase] };
    case 'context_built':
      return { ...run, context: event.tokens };
    case 'text_delta':
    case 'thinking_delta':
      return streamed(run, event);
    case 'message_done':
      return messageDone(run, event);
    case 'tool_called':
      return append(run, called(event));
    case 'tool_output':
      return changeTool(run, event.call, tool => ({ ...tool, output: tool.output + event.text }));
    case 'tool_done':
      return toolDone(run, event);
    case 'approval_asked':
      return append(run, asked(event));
    case 'question_asked':
      return append(run, questioned(event));
    case 'question_settled':
      return questionSettled(run, event);
    case 'edit_proposed':
      return append(run, proposed(event));
    case 'agent_changed':
      return agentChanged(run, event.status);
    case 'agent_said':
      return agentSaid(run, event.message);
    case 'steered':
      return steered(run, event);
  }
}

/** A run that has just begun. */
export function newRun(id: string, event: RunStarted): IRun {
  return {
    kind: 'run',
    key: id,
    id,
    at: event.at,
    prompt: event.prompt,
    model: event.model,
    why: event.why,
    edge: event.edge,
    guest: event.guest,
    target: event.target,
    state: 'running',
    intent: '',
    phase: '',
    phases: [],
    agents: [],
    said: [],
    own: { tokens: 0, cost: 0, steps: 0 },
    context: null,
    items: [],
    drafts: [],
    finished: [],
    checkpoint: false,
    undone: false,
    away: false,
    text: '',
    usage: { input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0 },
    cost: 0,
    seconds: 0
  };
}

/** An item at the end of its run: what nobody answered or finished stays so. */
export function closed(item: Item): Item {
  if (item.kind === 'approval' && item.decision === 'pending') {
    return { ...item, decision: 'expired' };
  }
  if (item.kind === 'question' && item.status === 'open') {
    return { ...item, status: 'expired' };
  }
  if (item.kind === 'steered' && item.state === 'waiting') {
    return { ...item, state: 'unread' };
  }
  return item.kind === 'tool' && item.status === 'running' ? { ...item, status: 'error' } : item;
}

function streamed(run: IRun, event: TextDelta | ThinkingDelta): IRun {
  if (run.state !== 'running' || run.finished.includes(event.message)) {
    return run;
  }
  const index = run.drafts.findIndex(draft => draft.message === event.message);
  const old = run.drafts[index] ?? {
    message: event.message,
    agent: event.agent,
    text: '',
    thinking: ''
  };
  const field = event.type === 'text_delta' ? 'text' : 'thinking';
  const draft: IDraft = { ...old, [field]: old[field] + event.text };
  const drafts = index < 0 ? [...run.drafts, draft] : run.drafts.map((d, i) => (i === index ? draft : d));
  return { ...run, drafts };
}

function messageDone(run: IRun, event: MessageDone): IRun {
  const items: Item[] = [];
  event.message.parts.forEach((part, index) => {
    const key = `${event.id}-${index}`;
    if ((part.type === 'text' || part.type === 'thinking') && part.text.trim()) {
      items.push({ kind: part.type, key, agent: event.agent, text: part.text });
    }
  });
  return {
    ...run,
    own: event.agent === MAIN ? used(run, event) : run.own,
    items: [...run.items, ...items],
    drafts: run.drafts.filter(draft => draft.message !== event.id),
    finished: [...run.finished, event.id]
  };
}

function used({ own }: IRun, { usage, cost }: MessageDone): IRun['own'] {
  const tokens = usage.input_tokens + usage.output_tokens;
  // What was broken off tells neither.
  return { ...added(own, { tokens, cost: tokens ? cost : 0 }), steps: own.steps + 1 };
}

function called(event: ToolCalled): Item {
  return {
    kind: 'tool',
    key: `call-${event.call}`,
    agent: event.agent,
    call: event.call,
    tool: event.tool,
    risk: event.risk,
    arguments: event.arguments,
    status: 'running',
    summary: '',
    content: '',
    output: '',
    seconds: 0,
    edit: null
  };
}

function toolDone(run: IRun, event: ToolDone): IRun {
  const { status, summary, content, seconds } = event;
  return changeTool(run, event.call, tool => ({
    ...tool,
    status,
    summary,
    content,
    seconds,
    edit: status === 'ok' ? editOf(content) : null
  }));
}

/** Tools that change something answer with the id of the edit they proposed. */
function editOf(content: string): string | null {
  if (!content.startsWith('{')) {
    return null;
  }
  try {
    const value: unknown = JSON.parse(content);
    const edit = value && typeof value === 'object' && 'edit' in value ? value.edit : null;
    return typeof edit === 'string' ? edit : null;
  } catch {
    // Plain text that begins with a brace: an answer like any other.
    return null;
  }
}

function asked(event: ApprovalAsked): Item {
  return {
    kind: 'approval',
    key: `approval-${event.approval}`,
    agent: event.agent,
    approval: event.approval,
    call: event.call,
    tool: event.tool,
    action: event.action,
    reason: event.reason,
    digest: event.digest,
    axis: event.axis,
    commands: event.commands,
    rule: event.rule,
    keepable: event.keepable,
    expires: event.expires,
    decision: 'pending',
    answer: ''
  };
}

function proposed(event: EditProposed): Item {
  return {
    kind: 'edit',
    key: `edit-${event.edit.id}`,
    agent: event.agent,
    edit: event.edit,
    status: 'pending',
    detail: '',
    execution: null,
    isRunning: false
  };
}

/** The run with one item more. */
export function append(run: IRun, item: Item): IRun {
  return { ...run, items: [...run.items, item] };
}

function changeTool(run: IRun, call: string, change: (tool: Item & { kind: 'tool' }) => Item): IRun {
  const items = run.items.map(item => (item.kind === 'tool' && item.call === call ? change(item) : item));
  return { ...run, items };
}
