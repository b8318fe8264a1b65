/** Numbers and names the way the panel writes them. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { CellTarget, Edit, FileTarget, ModelInfo, SessionInfo } from '../protocol';
import { line } from '../text';
import type { IRun, ITool } from '../transcript';

export const OFFLINE = 'codemad/offline';

/** Dollars; unknown is said, never shown as nothing. */
export function costText(cost: number | null, trans: TranslationBundle): string {
  if (cost === null) {
    return trans.__('cost unknown');
  }
  if (cost === 0) {
    return trans.__('no cost');
  }
  return cost < 0.01 ? `$${cost.toPrecision(2)}` : `$${cost.toFixed(2)}`;
}

export function secondsText(seconds: number, trans: TranslationBundle): string {
  if (seconds < 60) {
    return trans.__('%1 s', seconds < 10 ? seconds.toFixed(1) : Math.round(seconds).toString());
  }
  return trans.__('%1 min %2 s', Math.floor(seconds / 60).toString(), Math.round(seconds % 60).toString());
}

/** What is known, side by side; a line breaks between two facts and never within one. */
export function factsText(facts: readonly string[]): string {
  return facts
    .filter(Boolean)
    .map(fact => fact.replaceAll(' ', '\u00a0'))
    .join(' · ');
}

export function tokensText(run: IRun, trans: TranslationBundle): string {
  const { input_tokens, output_tokens } = run.usage;
  const total = input_tokens + output_tokens;
  // The built-in assistant uses none.
  return total ? trans.__('%1 tokens', total.toLocaleString()) : '';
}

export function usageTitle(run: IRun, trans: TranslationBundle): string {
  const { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens } = run.usage;
  return [
    line(run.why ? `${run.model} (${run.why})` : run.model),
    trans.__('%1 tokens in, %2 out', input_tokens.toLocaleString(), output_tokens.toLocaleString()),
    trans.__('%1 read from cache, %2 written', cache_read_tokens.toString(), cache_write_tokens.toString())
  ].join('\n');
}

/** A model as a person calls it: without its provider, where the provider says nothing. */
export function modelText(name: string, trans: TranslationBundle): string {
  if (name === OFFLINE) {
    return trans.__('Built-in assistant');
  }
  return line(name.slice(name.indexOf('/') + 1) || name);
}

export function modelDetail(model: ModelInfo, trans: TranslationBundle): string {
  if (!model.ready) {
    return line(model.why) || trans.__('not set up');
  }
  if (model.name === OFFLINE) {
    return trans.__('no key needed');
  }
  const { input_price, output_price } = model;
  if (input_price === null || output_price === null) {
    return trans.__('price unknown');
  }
  if (input_price === 0 && output_price === 0) {
    return trans.__('no cost');
  }
  return trans.__('$%1 in, $%2 out per million tokens', input_price.toString(), output_price.toString());
}

export function ageText(updated: number, trans: TranslationBundle): string {
  const minutes = Math.max(0, (Date.now() / 1000 - updated) / 60);
  if (minutes < 1) {
    return trans.__('just now');
  }
  if (minutes < 60) {
    return trans.__('%1 min ago', Math.floor(minutes).toString());
  }
  return minutes < 1440
    ? trans.__('%1 h ago', Math.floor(minutes / 60).toString())
    : new Date(updated * 1000).toLocaleDateString();
}

/** The last part of a path. */
export function baseName(path: string): string {
  return line(path.slice(path.lastIndexOf('/') + 1));
}

/** What a proposal does, in three words. */
export function editVerb(edit: Edit, trans: TranslationBundle): string {
  const { target } = edit;
  if (target.type === 'file') {
    const kinds: Record<FileTarget['op'], string> = {
      write: target.exists ? trans.__('Change file') : trans.__('New file'),
      delete: trans.__('Delete file'),
      move: trans.__('Move file')
    };
    return kinds[target.op];
  }
  const verbs: Record<CellTarget['op'], string> = {
    insert: target.cell_type === 'code' ? trans.__('New code cell') : trans.__('New text cell'),
    replace: trans.__('Change cell'),
    delete: trans.__('Delete cell'),
    move: trans.__('Move cell'),
    retype: trans.__('Turn cell into %1', target.cell_type),
    split: trans.__('Split cell'),
    merge: trans.__('Merge cells'),
    clear: trans.__('Clear outputs')
  };
  return verbs[target.op];
}

/** What Accept and Reject settle: all of a proposal, or what of it is not settled yet. */
export function settlingTexts({ hunks }: Edit, trans: TranslationBundle): [accept: string, reject: string] {
  const open = hunks.filter(hunk => hunk.status === 'pending').length;
  if (open > 0 && open < hunks.length) {
    return [trans.__('Accept the rest'), trans.__('Reject the rest')];
  }
  return open > 1
    ? [trans.__('Accept all changes'), trans.__('Reject all changes')]
    : [trans.__('Accept'), trans.__('Reject')];
}

/** What a tool does; a tool we don't know is called by its name. */
export function toolVerb(tool: string, trans: TranslationBundle): string {
  const verbs: Record<string, string> = {
    list_variables: trans.__('Look at variables'),
    inspect_variable: trans.__('Inspect variable'),
    last_error: trans.__('Look at the last error'),
    read_notebook: trans.__('Read the notebook'),
    list_files: trans.__('List files'),
    read_file: trans.__('Read file'),
    grep: trans.__('Find lines'),
    search_workspace: trans.__('Search the workspace'),
    find_symbol: trans.__('Find a symbol'),
    workspace_map: trans.__('Draw a map of the workspace'),
    insert_cell: trans.__('Write a cell'),
    replace_cell: trans.__('Change a cell'),
    delete_cell: trans.__('Delete a cell'),
    move_cell: trans.__('Move a cell'),
    change_cell_type: trans.__('Change a cell’s type'),
    edit_cell: trans.__('Change a cell'),
    split_cell: trans.__('Split a cell'),
    merge_cells: trans.__('Merge cells'),
    clear_outputs: trans.__('Clear outputs'),
    cell_dependencies: trans.__('Follow dependencies'),
    edit_file: trans.__('Edit file'),
    apply_patch: trans.__('Apply patch'),
    write_file: trans.__('Write file'),
    delete_file: trans.__('Delete file'),
    move_file: trans.__('Move file'),
    run_code: trans.__('Run code'),
    run_command: trans.__('Run a command'),
    delegate: trans.__('Give an agent a task'),
    list_jobs: trans.__('List background jobs'),
    job_output: trans.__('Look at a background job'),
    stop_job: trans.__('Stop a background job'),
    query_data: trans.__('Ask tables in SQL'),
    run_tests: trans.__('Run the tests'),
    run_checks: trans.__('Run the linters'),
    fetch_page: trans.__('Fetch a page'),
    install_packages: trans.__('Install packages'),
    git_status: trans.__('Look at the state of git'),
    git_diff: trans.__('Look at differences'),
    git_log: trans.__('Look at commits'),
    git_blame: trans.__('Look who wrote it'),
    git_branches: trans.__('Look at branches'),
    git_branch: trans.__('Make a branch'),
    git_commit: trans.__('Commit'),
    run_cell: trans.__('Run this cell'),
    ask_person: trans.__('Ask you')
  };
  return Object.hasOwn(verbs, tool) ? verbs[tool] : line(tool);
}

/** What the tool was pointed at: the one argument that says it best. */
export function toolObject(tool: ITool): string {
  for (const name of [
    'name',
    'path',
    'query',
    'pattern',
    'cell',
    'title',
    'code',
    'command',
    'job',
    'task'
  ]) {
    const value = tool.arguments[name];
    if (typeof value === 'string' && value) {
      return line(value);
    }
  }
  return '';
}

/** Sessions as lists show them: pinned ones first, then the one used last; those put away at the end. */
export function ordered(sessions: readonly SessionInfo[], withArchived: boolean): SessionInfo[] {
  return sessions
    .filter(info => withArchived || !info.archived)
    .sort(
      (a, b) =>
        Number(a.archived) - Number(b.archived) ||
        Number(b.pinned) - Number(a.pinned) ||
        b.updated - a.updated
    );
}
