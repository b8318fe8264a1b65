/** Markdown of the assistant: parsed, cleaned, coloured, with a button of ours to copy code. */
import { Clipboard } from '@jupyterlab/apputils';
import { checkIcon, copyIcon } from '@jupyterlab/ui-components';
import type { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { line } from '../text';
import { usePanel } from './context';
import { LiveMarkdown } from './livemarkdown';
import { useVisible } from './visible';

function MarkdownContent({ source }: { source: string }): React.JSX.Element {
  const { rendermime, trans } = usePanel();
  const host = React.useRef<HTMLDivElement>(null);
  const live = React.useRef<LiveMarkdown | null>(null);
  const isVisible = useVisible(host);

  React.useEffect(() => {
    if (!host.current || !isVisible) {
      return;
    }
    const node = host.current;
    node.replaceChildren();
    const drawing = new LiveMarkdown(node, rendermime, {
      blocked: address => `[${trans.__('not loaded: %1', line(address) || '?')}]`
    });
    drawing.onDrawn = block => {
      addCopyButtons(block, trans.__('Copy code'));
      fitTables(block);
    };
    live.current = drawing;
    return () => {
      drawing.dispose();
    };
  }, [isVisible, rendermime, trans]);

  React.useEffect(() => {
    if (live.current) {
      live.current.render(source);
    } else if (host.current) {
      host.current.textContent = source;
    }
  }, [isVisible, source]);

  return <div ref={host} className="codemad-markdown jp-RenderedHTMLCommon" />;
}

export const Markdown = React.memo(MarkdownContent);

function addCopyButtons(block: Element, label: string): void {
  const codes = block.matches('pre') ? [block] : [...block.querySelectorAll('pre')];
  for (const code of codes) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'codemad-copy';
    button.title = label;
    button.setAttribute('aria-label', label);
    show(button, copyIcon);
    const text = code.textContent;
    button.addEventListener('click', () => {
      copy(button, text);
    });
    const frame = document.createElement('div');
    frame.className = 'codemad-code';
    code.setAttribute('tabindex', '0');
    code.replaceWith(frame);
    frame.append(code, button);
  }
}

/** Wide tables scroll, so the keyboard must be able to get into them; long names may break between words. */
function fitTables(block: Element): void {
  const tables = block.matches('table') ? [block] : [...block.querySelectorAll('table')];
  for (const table of tables) {
    table.setAttribute('tabindex', '0');
    for (const name of table.querySelectorAll('code')) {
      const parts = name.textContent.split(/(?<=[._/])/);
      name.replaceChildren(
        ...parts.flatMap((part, i) => (i ? [document.createElement('wbr'), part] : [part]))
      );
    }
  }
}

function copy(button: HTMLElement, text: string): void {
  Clipboard.copyToSystem(text);
  show(button, checkIcon);
  window.setTimeout(() => {
    show(button, copyIcon);
  }, 1500);
}

function show(button: HTMLElement, icon: LabIcon): void {
  button.replaceChildren(icon.element({ tag: 'span' }));
}
