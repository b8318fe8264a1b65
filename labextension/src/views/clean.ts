/**
 * Our own cleaning of rendered markdown, stricter than Lab's and after it.
 *
 * Rebuilds the tree from a short list of elements and attributes. It reads an inert document and
 * makes new nodes, so nothing of the input is ever part of the page: nothing is fetched, nothing
 * runs, nothing can be clicked but web links.
 */

/** Kept as they are. What is not listed gives way to its children. */
const KEPT = new Set(
  (
    'abbr b blockquote br caption code dd del details div dl dt em figcaption figure ' +
    'h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p pre q s samp small span strong sub summary sup ' +
    'table tbody td tfoot th thead tr u ul var'
  ).split(' ')
);

/** Gone with all they hold. */
const DROPPED = new Set(
  'script style template noscript head title textarea select option button form dialog math link meta base'.split(
    ' '
  )
);

/** Shown as a line that names the address. */
const MEDIA = new Set('img picture video audio source track iframe frame embed object svg canvas'.split(' '));

const ATTRIBUTES: Record<string, readonly string[]> = {
  td: ['colspan', 'rowspan', 'align'],
  th: ['colspan', 'rowspan', 'align', 'scope'],
  ol: ['start'],
  abbr: ['title']
};

const INLINE_IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,[a-z0-9+/=\s]+$/i;

/* The classes by which code is coloured. */
const CODE_CLASS = /^(?:ͼ[\w-]+|language-[\w+#.-]+)$/;

export interface ICleanLabels {
  /** Stands where an image, a frame or a video was. */
  blocked: (address: string) => string;
}

/** The safe nodes of some HTML. */
export function clean(html: string, labels: ICleanLabels): DocumentFragment {
  const inert = new DOMParser().parseFromString(html, 'text/html');
  const fragment = document.createDocumentFragment();
  copyChildren(inert.body, fragment, labels);
  return fragment;
}

function copyChildren(from: Node, to: Node, labels: ICleanLabels): void {
  from.childNodes.forEach(child => {
    if (child.nodeType === Node.TEXT_NODE) {
      to.appendChild(document.createTextNode(child.nodeValue ?? ''));
    } else if (child instanceof Element || child.nodeType === Node.ELEMENT_NODE) {
      copyElement(child as Element, to, labels);
    }
  });
}

function copyElement(from: Element, to: Node, labels: ICleanLabels): void {
  const tag = from.localName;
  if (DROPPED.has(tag)) {
    return;
  }
  if (MEDIA.has(tag)) {
    to.appendChild(media(from, labels));
  } else if (tag === 'a') {
    to.appendChild(link(from, labels));
  } else if (tag === 'input') {
    to.appendChild(checkbox(from));
  } else if (KEPT.has(tag)) {
    to.appendChild(kept(from, labels));
  } else {
    copyChildren(from, to, labels);
  }
}

function kept(from: Element, labels: ICleanLabels): Element {
  const node = document.createElement(from.localName);
  for (const name of ATTRIBUTES[from.localName] ?? []) {
    const value = from.getAttribute(name);
    if (value !== null) {
      node.setAttribute(name, value);
    }
  }
  if (from.closest('pre, code')) {
    const classes = [...from.classList].filter(name => CODE_CLASS.test(name));
    if (classes.length) {
      node.className = classes.join(' ');
    }
  }
  copyChildren(from, node, labels);
  return node;
}

function media(from: Element, labels: ICleanLabels): Element {
  const address = from.getAttribute('src') ?? from.getAttribute('data') ?? from.getAttribute('href') ?? '';
  const alt = from.getAttribute('alt') ?? '';
  if (from.localName === 'img' && INLINE_IMAGE.test(address)) {
    const image = document.createElement('img');
    image.alt = alt;
    image.src = address;
    return image;
  }
  const note = document.createElement('span');
  note.className = 'codemad-blocked';
  note.textContent = [alt, labels.blocked(address.slice(0, 300))].filter(Boolean).join(' ');
  return note;
}

function checkbox(from: Element): Element {
  const box = document.createElement('span');
  box.className = 'codemad-checkbox';
  if (from.getAttribute('type') === 'checkbox') {
    box.textContent = from.hasAttribute('checked') ? '☑' : '☐';
  }
  return box;
}

/** Only web and mail addresses are links; where the text hides the host, the host is written beside it. */
function link(from: Element, labels: ICleanLabels): Element {
  const url = webAddress(from.getAttribute('href') ?? '');
  const node = document.createElement(url ? 'a' : 'span');
  copyChildren(from, node, labels);
  if (url && node instanceof HTMLAnchorElement) {
    node.href = url.href;
    node.target = '_blank';
    node.rel = 'noopener noreferrer nofollow';
    node.title = url.href;
    if (misleads(node.textContent, url)) {
      const host = document.createElement('span');
      host.className = 'codemad-host';
      host.textContent = ` (${url.host})`;
      node.appendChild(host);
    }
  }
  return node;
}

function webAddress(href: string): URL | null {
  if (!/^(?:https?|mailto):/i.test(href.trim())) {
    return null;
  }
  try {
    return new URL(href.trim());
  } catch {
    // No address at all: its text stays.
    return null;
  }
}

/** Text that looks like an address of another host, a name before the host, or a host in disguise. */
function misleads(text: string, url: URL): boolean {
  if (url.protocol === 'mailto:') {
    return false;
  }
  const said = /(?:^|\/\/|\s)([\w-]+(?:\.[\w-]+)*\.[a-z]{2,})(?=$|[/:?#\s])/i.exec(text)?.[1];
  const hasOtherHost = said !== undefined && said.toLowerCase() !== url.hostname.toLowerCase();
  return hasOtherHost || url.username !== '' || url.password !== '' || /(?:^|\.)xn--/i.test(url.hostname);
}
