import { expect, test } from 'vitest';

import { clean } from '../src/views/clean';
import { mayTypeset } from '../src/views/livemarkdown';

function cleaned(html: string): HTMLElement {
  const host = document.createElement('div');
  host.append(clean(html, { blocked: address => `[not loaded: ${address}]` }));
  return host;
}

const DATA = 'data:image/png;base64,iVBORw0KGgo=';

test.each([
  '<img src="http://evil/x.png" onerror="alert(1)">',
  '<img srcset="http://evil/x.png 1x">',
  '<picture><source srcset="http://evil/x"><img src="//evil/y"></picture>',
  '<video src="http://evil/v" poster="http://evil/p" autoplay></video>',
  '<audio src="http://evil/a"></audio>',
  '<iframe src="http://evil/f" srcdoc="<script>1</script>"></iframe>',
  '<object data="http://evil/o"></object><embed src="http://evil/e">',
  '<svg onload="alert(1)"><image href="http://evil/i"/><use href="http://evil/u"/></svg>',
  '<div style="background:url(http://evil/b)">x</div>',
  '<table background="http://evil/t"><tr><td background="http://evil/d">x</td></tr></table>',
  '<link rel="stylesheet" href="http://evil/c"><style>@import url(http://evil/s)</style>',
  '<input type="image" src="http://evil/i">',
  '<math><mtext></mtext><mglyph><style></math><img src=x onerror=alert(1)></style></mglyph></math>',
  '<noscript><p title="</noscript><img src=http://evil/n onerror=alert(1)>">',
  '<img src="/logout"><img src="files/secret.png">',
  '<img src="data:image/svg+xml;base64,PHN2Zz4=">',
  '<a href="x" ping="http://evil/ping">x</a>'
])('nothing is fetched and nothing runs: %s', html => {
  const host = cleaned(html);
  for (const node of host.querySelectorAll('*')) {
    expect(node.matches('img, video, audio, iframe, object, embed, svg, input, style, link, script')).toBe(false);
    for (const { name } of node.attributes) {
      expect(name).not.toMatch(/^on|src|style|background|poster|ping|^data-|^id$|^name$/);
    }
  }
});

test('what was left out is named', () => {
  expect(cleaned('<img alt="a plot" src="http://evil/x.png">').textContent).toBe(
    'a plot [not loaded: http://evil/x.png]'
  );
});

test('an image that is part of the text is shown', () => {
  expect(cleaned(`<img src="${DATA}" alt="a">`).innerHTML).toBe(`<img alt="a" src="${DATA}">`);
});

test('buttons, forms and what would name them are gone', () => {
  const html =
    '<button data-commandlinker-command="x:y">go</button><form action="/x"><button>go</button></form>' +
    '<div id="main" name="x" class="jp-Dialog" data-commandlinker-command="x:y">text</div>';
  expect(cleaned(html).innerHTML).toBe('<div>text</div>');
});

test.each(['javascript:alert(1)', ' JaVaScRiPt:alert(1)', 'data:text/html,x', 'blob:x', 'file:///etc', '/logout', '#x'])(
  '%s is no link',
  href => {
    const host = cleaned(`<a href="${href}">text</a>`);
    expect(host.innerHTML).toBe('<span>text</span>');
  }
);

test('a web link opens beside, tells its target and gives nothing away', () => {
  const link = cleaned('<a href="https://jupyter.org/x" target="_self" onclick="x()">here</a>').firstElementChild;
  expect(link?.outerHTML).toBe(
    '<a href="https://jupyter.org/x" target="_blank" rel="noopener noreferrer nofollow" title="https://jupyter.org/x">here</a>'
  );
});

test.each([
  ['https://evil.example/', 'www.bank.com', 'evil.example'],
  ['https://good.com@evil.example/', 'good', 'evil.example'],
  ['https://xn--pple-43d.com/', 'apple', 'xn--pple-43d.com']
])('the host of %s is written beside the text %s', (href, text, host) => {
  expect(cleaned(`<a href="${href}">${text}</a>`).textContent).toBe(`${text} (${host})`);
});

test('a link whose text is its own address stays as it is', () => {
  const address = 'https://jupyter.org/try';
  expect(cleaned(`<a href="${address}">${address}</a>`).textContent).toBe(address);
});

test('text, tables and coloured code stay', () => {
  const html =
    '<h2>T</h2><p>a <strong>b</strong></p><table><tbody><tr><td align="right">1</td></tr></tbody></table>' +
    '<pre><code class="language-python">x <span class="ͼ1a jp-evil">=</span> 1</code></pre>';
  expect(cleaned(html).innerHTML).toBe(html.replace(' jp-evil', ''));
});

test('unknown elements give way to what they hold', () => {
  expect(cleaned('<marquee><b>x</b></marquee>').innerHTML).toBe('<b>x</b>');
});

test.each([
  ['$x^2$', true],
  ['no formula', false],
  ['$\\href{javascript:x}{y}$', false],
  ['$\\style{background:url(http://evil)}{y}$', false],
  ['\\(\\def\\x{y}\\)', false],
  ['$\\begin{cases} a \\end{cases}$', true],
  ['$\\hrefs$', true]
])('whether %j is typeset: %s', (text, expected) => {
  const node = document.createElement('p');
  node.textContent = text;
  expect(mayTypeset(node)).toBe(expected);
});

test('code is not looked at, the typesetter leaves it alone too', () => {
  expect(mayTypeset(cleaned('<p>$x$ <code>\\href{a}{b}</code></p>'))).toBe(true);
});
