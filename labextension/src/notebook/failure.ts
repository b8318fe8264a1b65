/** Why a port call could not be served, with the codes of the protocol. */
import type { ErrorValue } from '../protocol';

export type FailureCode = 'stale_edit' | 'not_found' | 'notebook' | 'notebook_closed' | 'kernel' | 'usage';

export class Failure extends Error {
  readonly code: FailureCode;
  readonly hint: string;

  constructor(code: FailureCode, message: string, hint = '') {
    super(message);
    this.code = code;
    this.hint = hint;
  }

  get value(): ErrorValue {
    return { code: this.code, message: this.message, hint: this.hint };
  }
}
