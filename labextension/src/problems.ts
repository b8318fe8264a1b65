/** What the person is told when a request fails: what happened, and what to do next. */
import { RequestError } from './client';

/** Characters of a prompt; the protocol takes no more. */
export const PROMPT_LIMIT = 1_000_000;

/** Something that went wrong and is shown until it is dismissed. */
export interface IProblem {
  code: string;
  message: string;
  hint: string;
}

export function tooLong(length: number): IProblem {
  return {
    code: 'usage',
    message: `The prompt has ${length.toLocaleString()} characters; at most ${PROMPT_LIMIT.toLocaleString()} can be sent.`,
    hint: 'Save long text as a file and name the file in the prompt.'
  };
}

export function problemOf(reason: unknown): IProblem {
  if (!(reason instanceof RequestError)) {
    return { code: 'error', message: reason instanceof Error ? reason.message : String(reason), hint: '' };
  }
  if (reason.status === 0) {
    return {
      code: reason.code,
      message: `The Jupyter server could not be reached (${reason.message}).`,
      hint: 'Check that it still runs, then try again.'
    };
  }
  if (reason.code === 'http_404') {
    return {
      code: reason.code,
      message: 'The CodeMAD server extension does not answer.',
      hint: 'See that "jupyter server extension list" names codemad_jupyter, then restart the server.'
    };
  }
  return { code: reason.code, message: reason.message, hint: reason.hint };
}

/** What a request ends with when something between us and the server would not wait. */
export const GAVE_UP = new Set(['connection', 'http_502', 'http_503', 'http_504', 'http_524']);
