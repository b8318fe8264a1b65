/** The question how far checkpoints are to be forgotten: by age, by size, or both. */
import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

export interface IPruning {
  /** Older than that many days; null: of any age. */
  days: number | null;
  /** Until they take no more than that many bytes; null: of any size. */
  size: number | null;
}

/** Ask the person; null where they changed their mind. */
export async function askPruning(trans: TranslationBundle): Promise<IPruning | null> {
  const answer = await showDialog<IPruning>({
    title: trans.__('Forget old checkpoints'),
    body: new PruningForm(trans),
    buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Forget') })]
  });
  const wanted = answer.button.accept ? answer.value : null;
  return wanted && (wanted.days !== null || wanted.size !== null) ? wanted : null;
}

class PruningForm extends Widget implements Dialog.IBodyWidget<IPruning> {
  constructor(trans: TranslationBundle) {
    super();
    this.addClass('codemad-pruning');
    const text = trans.__(
      'Those without a name go, in all sessions of this folder. An empty field sets no limit.'
    );
    const intro = document.createElement('p');
    intro.textContent = text;
    this.node.append(intro);
    this._days = this._number(trans.__('Older than (days)'), '30');
    this._megabytes = this._number(trans.__('The oldest, until all take at most (MB)'), '');
  }

  getValue(): IPruning {
    const megabytes = valueOf(this._megabytes);
    return { days: valueOf(this._days), size: megabytes === null ? null : Math.round(megabytes * 1_000_000) };
  }

  private _number(label: string, value: string): HTMLInputElement {
    const input = document.createElement('input');
    Object.assign(input, { type: 'number', min: '0', step: 'any', value, className: 'jp-mod-styled' });
    const line = document.createElement('label');
    line.append(label, input);
    this.node.append(line);
    return input;
  }

  private _days: HTMLInputElement;
  private _megabytes: HTMLInputElement;
}

function valueOf(input: HTMLInputElement): number | null {
  const value = input.valueAsNumber;
  return Number.isFinite(value) && value >= 0 ? value : null;
}
