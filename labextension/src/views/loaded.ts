/** Something that is asked of the server while a view is open, and asked again when it is out of date. */
import React from 'react';

import type { IProblem } from '../problems';
import { problemOf } from '../problems';

export interface ILoaded<T> {
  value: T | null;
  problem: IProblem | null;
  /** An answer is on its way; the last one stays shown. */
  isLoading: boolean;
}

/** The answer to `ask`, asked anew whenever `ask` changes; late answers to earlier questions are dropped. */
export function useLoaded<T>(ask: () => Promise<T>, delay = 0): ILoaded<T> {
  const [state, setState] = React.useState<ILoaded<T>>({ value: null, problem: null, isLoading: true });
  React.useEffect(() => {
    let isGone = false;
    setState(last => ({ ...last, isLoading: true }));
    const timer = window.setTimeout(() => {
      ask().then(
        value => {
          if (!isGone) {
            setState({ value, problem: null, isLoading: false });
          }
        },
        (reason: unknown) => {
          if (!isGone) {
            setState(last => ({ ...last, problem: problemOf(reason), isLoading: false }));
          }
        }
      );
    }, delay);
    return () => {
      isGone = true;
      window.clearTimeout(timer);
    };
  }, [ask, delay]);
  return state;
}
