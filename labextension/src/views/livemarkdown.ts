/**
 * Draws markdown into a node, again and again while it grows, at most every 100 ms.
 *
 * Lab parses, highlights and typesets; what comes out is cleaned by `clean` before it gets near the
 * page. Blocks that did not change keep their nodes, so that a selection in them survives.
 */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { removeMath, replaceMath } from '@jupyterlab/rendermime';

import type { ICleanLabels } from './clean';
import { clean } from './clean';

const INTERVAL = 100;

/* A diagram is drawn inside the page before anybody can look at it, images of any host included. */
const DIAGRAM = /(`{3,}|~{3,})([^\S\n]*)mermaid([^\S\n]*)$/gm;

/* TeX that makes links, loads something, carries style, or changes what later formulas mean. */
const UNSAFE_TEX =
  /\\(?:href|url|style|class|cssId|data|require|includegraphics|csname|bbox|mmlToken|unicode|def|let|(?:re)?new(?:command|environment))(?![a-z])/i;

/** The safe nodes of some markdown. */
export async function toNodes(
  source: string,
  rendermime: IRenderMimeRegistry,
  labels: ICleanLabels
): Promise<DocumentFragment> {
  if (!rendermime.markdownParser) {
    const fragment = document.createDocumentFragment();
    fragment.append(source);
    return fragment;
  }
  const parts = removeMath(source.replace(DIAGRAM, '$1$2mermaid-source$3'));
  const html = replaceMath(await rendermime.markdownParser.render(parts.text), parts.math);
  return clean(rendermime.sanitizer.sanitize(html), labels);
}

/** Whether the formulas of a node may be given to the typesetter. */
export function mayTypeset(node: Node): boolean {
  const copy = node.cloneNode(true) as Element;
  copy.querySelectorAll('code, pre').forEach(code => {
    code.remove();
  });
  const text = copy.textContent;
  return /[$\\]/.test(text) && !UNSAFE_TEX.test(text);
}

export class LiveMarkdown {
  constructor(host: HTMLElement, rendermime: IRenderMimeRegistry, labels: ICleanLabels) {
    this._host = host;
    this._rendermime = rendermime;
    this._labels = labels;
  }

  /** Called with every node that was drawn anew: the place to add controls of our own. */
  onDrawn: (node: Element) => void = () => undefined;

  render(source: string): void {
    this._source = source;
    if (!this._timer && !this._isDrawing) {
      const wait = Math.max(0, this._next - performance.now());
      this._timer = window.setTimeout(() => void this._draw(), wait);
    }
  }

  dispose(): void {
    this._isDisposed = true;
    window.clearTimeout(this._timer);
  }

  private async _draw(): Promise<void> {
    this._timer = 0;
    this._isDrawing = true;
    const source = this._source;
    const begin = performance.now();
    const fragment = await toNodes(source, this._rendermime, this._labels);
    this._isDrawing = false;
    if (this._isDisposed) {
      return;
    }
    this._patch(fragment);
    const now = performance.now();
    this._next = now + Math.max(INTERVAL, 3 * (now - begin));
    if (this._source !== source) {
      this.render(this._source);
    }
  }

  /** Keep the leading blocks that are the same as before. */
  private _patch(fragment: DocumentFragment): void {
    const nodes = [...fragment.childNodes];
    const made = nodes.map(node => (node instanceof Element ? node.outerHTML : (node.nodeValue ?? '')));
    let same = 0;
    while (same < made.length && made[same] === this._made[same]) {
      same++;
    }
    while (this._host.childNodes.length > same) {
      this._host.lastChild?.remove();
    }
    this._made = made;
    for (const node of nodes.slice(same)) {
      this._host.appendChild(node);
      if (node instanceof HTMLElement) {
        this._typeset(node);
        this.onDrawn(node);
      }
    }
  }

  private _typeset(node: HTMLElement): void {
    if (mayTypeset(node)) {
      void this._rendermime.latexTypesetter?.typeset(node);
    }
  }

  private _host: HTMLElement;
  private _isDisposed = false;
  private _isDrawing = false;
  private _labels: ICleanLabels;
  private _made: string[] = [];
  private _next = 0;
  private _rendermime: IRenderMimeRegistry;
  private _source = '';
  private _timer = 0;
}
