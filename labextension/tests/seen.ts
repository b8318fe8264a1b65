/** What a person sees in a drawn page, and presses: buttons by their names, texts, dialogs. */
import { expect, vi } from 'vitest';

/** The button of that name. Throws where there is none. */
export function button(name: string, within: ParentNode = document): HTMLButtonElement {
  const found = [...within.querySelectorAll<HTMLButtonElement>('button')].find(
    each => (each.getAttribute('aria-label') ?? each.textContent) === name
  );
  if (!found) {
    throw new Error(`no button ${name} in ${(within === document ? document.body : within).textContent}`);
  }
  return found;
}

/** Wait until the page says so. */
export async function shows(text: string, within: Element = document.body): Promise<void> {
  await vi.waitFor(
    () => {
      expect(within.textContent).toContain(text);
    },
    { timeout: 3000 }
  );
}

/** Wait for a dialog, agree to it, and wait until it is gone. */
export async function accepted(): Promise<void> {
  const accept = await vi.waitFor(() => {
    const found = document.querySelector<HTMLButtonElement>('.jp-Dialog .jp-mod-accept');
    expect(found).not.toBeNull();
    return found;
  });
  accept?.click();
  await vi.waitFor(() => {
    expect(document.querySelector('.jp-Dialog')).toBeNull();
  });
}
