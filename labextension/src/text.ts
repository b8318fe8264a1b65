/**
 * Text from outside made fit to be shown: no terminal sequences, no invisible or reordering characters.
 */

/* Escape sequences: CSI, OSC and the other string sequences up to their end, then two-character ones. */
const ESCAPES =
  // eslint-disable-next-line no-control-regex
  /\u001b\[[0-?]*[ -/]*[@-~]|\u001b[\]PX^_][\s\S]*?(?:\u0007|\u001b\\|$)|\u009b[0-?]*[ -/]*[@-~]|\u001b[ -/]*[0-~]?/g;

/* Control characters but tab and newline, and what reorders or hides text. */
const CONTROLS =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Several lines of text: terminal sequences removed, overwritten lines folded, controls spelled out. */
export function plain(text: string): string {
  return text
    .replace(ESCAPES, '')
    .replace(/\r+\n/g, '\n')
    .replace(/^.*\r(?!\n)/gm, '')
    .replace(CONTROLS, spell);
}

/** One line of text: names, titles, summaries. */
export function line(text: string, limit = 600): string {
  const joined = plain(text.slice(0, 4 * limit)).replace(/\s*\n\s*/g, ' ');
  return clip(joined.trim(), limit);
}

/** At most `limit` characters, with a mark where something was left out. */
export function clip(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}…`;
}

function spell(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
