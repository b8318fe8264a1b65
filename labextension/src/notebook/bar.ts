/** The place above a notebook for the bar of its proposals: two rows high where the notebook is narrow. */
import { ReactWidget } from '@jupyterlab/apputils';
import type { Message } from '@lumino/messaging';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import type React from 'react';

/** Pixels that the buttons need in one row with the rest of the bar. */
const ONE_ROW = 560;

export class BarWidget extends ReactWidget {
  constructor(content: React.JSX.Element) {
    super();
    this._content = content;
    this.addClass('codemad-bar-widget');
    this.addClass('codemad-surface');
  }

  protected override onResize(message: Widget.ResizeMessage): void {
    super.onResize(message);
    const width = message.width < 0 ? this.node.offsetWidth : message.width;
    if (width > 0) {
      this._fold(width < ONE_ROW);
    }
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    const { offsetWidth } = this.parent?.node ?? this.node;
    this._fold(offsetWidth > 0 && offsetWidth < ONE_ROW);
  }

  protected override render(): React.JSX.Element {
    return this._content;
  }

  private _fold(isNarrow: boolean): void {
    if (this.hasClass('codemad-mod-narrow') !== isNarrow) {
      this.toggleClass('codemad-mod-narrow', isNarrow);
      if (this.parent) {
        MessageLoop.postMessage(this.parent, Widget.Msg.FitRequest);
      }
    }
  }

  private _content: React.JSX.Element;
}
