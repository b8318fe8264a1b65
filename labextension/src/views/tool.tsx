/** A tool call as one line that unfolds: what was looked at, with which arguments, what came back. */
import {
  bugIcon,
  caretRightIcon,
  codeIcon,
  editIcon,
  fileIcon,
  folderIcon,
  notebookIcon,
  runIcon,
  searchIcon,
  settingsIcon,
  variableIcon
} from '@jupyterlab/ui-components';
import type { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { clip, line, plain } from '../text';
import type { ITool } from '../transcript';
import { Icon } from './button';
import { usePanel } from './context';
import { Drawn } from './drawn';
import { secondsText, toolObject, toolVerb } from './format';

/** Characters shown of a result; the model got more, the person rarely wants to. */
const CONTENT_LIMIT = 12_000;

const ICONS: Record<string, LabIcon> = {
  list_variables: variableIcon,
  inspect_variable: variableIcon,
  last_error: bugIcon,
  read_notebook: notebookIcon,
  list_files: folderIcon,
  read_file: fileIcon,
  search_workspace: searchIcon,
  find_symbol: searchIcon,
  workspace_map: searchIcon,
  run_code: runIcon,
  run_command: runIcon,
  insert_cell: codeIcon,
  replace_cell: codeIcon,
  edit_file: editIcon,
  apply_patch: editIcon,
  write_file: editIcon
};

function ToolCardContent({ tool }: { tool: ITool }): React.JSX.Element {
  const { trans } = usePanel();
  const [isOpen, setOpen] = React.useState(false);
  const id = React.useId();
  const icon = Object.hasOwn(ICONS, tool.tool) ? ICONS[tool.tool] : settingsIcon;
  return (
    <li className={`codemad-tool codemad-tool-${tool.status}`}>
      <button
        type="button"
        className="codemad-tool-line"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => {
          setOpen(!isOpen);
        }}
      >
        <Icon of={icon} />
        <span className="codemad-tool-name">{toolVerb(tool.tool, trans)}</span>
        <span className="codemad-tool-summary">{line(tool.summary) || clip(toolObject(tool), 200)}</span>
        <ToolState tool={tool} />
        <Icon of={caretRightIcon} className="codemad-caret" />
      </button>
      {isOpen && <Details id={id} tool={tool} />}
    </li>
  );
}

export const ToolCard = React.memo(ToolCardContent);

function ToolState({ tool }: { tool: ITool }): React.JSX.Element | null {
  const { trans } = usePanel();
  if (tool.status === 'running') {
    return <span className="codemad-spinner" role="img" aria-label={trans.__('running')} />;
  }
  if (tool.status === 'ok') {
    return tool.seconds >= 1 ? (
      <span className="codemad-tool-time">{secondsText(tool.seconds, trans)}</span>
    ) : null;
  }
  return (
    <span className="codemad-badge codemad-badge-failed">
      {tool.status === 'denied' ? trans.__('denied') : trans.__('failed')}
    </span>
  );
}

function Details({ id, tool }: { id: string; tool: ITool }): React.JSX.Element {
  const { trans } = usePanel();
  const asked = pretty(tool.arguments);
  const result = tool.content || tool.output;
  return (
    <div id={id} className="codemad-tool-details">
      {asked && <Block title={trans.__('Asked with')} text={asked} />}
      <Drawn item={tool}>{result && <Block title={trans.__('Got')} text={prettyText(result)} />}</Drawn>
      <p className="codemad-muted">
        {line(tool.tool)}
        {tool.agent !== 'main' && ` · ${line(tool.agent)}`}
      </p>
    </div>
  );
}

function Block({ title, text }: { title: string; text: string }): React.JSX.Element {
  return (
    <>
      <div className="codemad-tool-heading">{title}</div>
      <pre className="codemad-pre" role="group" tabIndex={0} aria-label={title}>
        {clip(plain(text), CONTENT_LIMIT)}
      </pre>
    </>
  );
}

/** Indented; text of several lines stands as it is rather than with escapes. */
function pretty(values: Record<string, unknown>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('\n');
}

function prettyText(text: string): string {
  if (!/^[{[]/.test(text)) {
    return text;
  }
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // Text that only looks like JSON is shown as it came.
    return text;
  }
}
