/** The smallest range whose replacement turns one text into another. */
export interface IRange {
  start: number;
  end: number;
  text: string;
}

/** Null when the texts are equal. A pair of surrogates is never cut. */
export function minimalRange(before: string, after: string): IRange | null {
  if (before === after) {
    return null;
  }
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) {
    start++;
  }
  if (start > 0 && isHigh(before, start - 1)) {
    start--;
  }
  let tail = 0;
  while (tail < most - start && before[before.length - 1 - tail] === after[after.length - 1 - tail]) {
    tail++;
  }
  if (tail > 0 && isLow(before, before.length - tail)) {
    tail--;
  }
  return { start, end: before.length - tail, text: after.slice(start, after.length - tail) };
}

function isHigh(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0xd800 && code <= 0xdbff;
}

function isLow(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0xdc00 && code <= 0xdfff;
}
