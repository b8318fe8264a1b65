/** The sidebar's widget: one React tree, told when it is first shown. */
import { ReactWidget } from '@jupyterlab/apputils';
import React from 'react';

import { Composer } from './composer';
import type { IPagesContext, IPanelContext } from './context';
import { PagesContext, PanelContext, usePages, usePanel, useSession } from './context';
import { Header } from './header';
import { logoIcon } from './icons';
import { Keys } from './keys';
import { MemoryPage } from './memory';
import { Preview } from './preview';
import { ProblemView } from './problem';
import { RunPage } from './runpage';
import { SessionsPage } from './sessions';
import { Timeline } from './timeline';
import { Transcript } from './transcript';
import { TrustBanner } from './trust';
import { UnsavedBanner } from './unsaved';
import { VisitPage } from './visit';

export class Panel extends ReactWidget {
  constructor(context: IPanelContext & IPagesContext) {
    super();
    this._context = context;
    const { trans } = context;
    this.id = 'codemad-jupyter-panel';
    this.addClass('codemad-panel');
    // Lab's own rule for sidebars is stronger than a class; diffs and buttons need the room.
    this.node.style.minWidth = '320px';
    this.title.icon = logoIcon;
    this.title.caption = trans.__('CodeMAD, the assistant');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('CodeMAD'));
  }

  /** Put the cursor into the message. */
  focus(): void {
    this._focuser.current?.();
  }

  protected override onAfterShow(): void {
    void this._context.session.open();
  }

  protected override onActivateRequest(): void {
    requestAnimationFrame(() => {
      this.focus();
    });
  }

  protected override render(): React.JSX.Element {
    if (this.isVisible) {
      void this._context.session.open();
    }
    return (
      <PanelContext.Provider value={this._context}>
        <PagesContext.Provider value={this._context}>
          <Content focuser={this._focuser} />
        </PagesContext.Provider>
      </PanelContext.Provider>
    );
  }

  private _context: IPanelContext & IPagesContext;
  private _focuser: React.MutableRefObject<(() => void) | null> = { current: null };
}

function Content(props: { focuser: React.MutableRefObject<(() => void) | null> }): React.JSX.Element {
  const modelOpener = React.useRef<(() => void) | null>(null);
  const { pages } = usePages();
  const page = React.useSyncExternalStore(pages.subscribe, pages.getPage);
  return (
    <>
      <Header />
      {page === 'timeline' && <Timeline />}
      {page === 'context' && <Preview />}
      {page === 'keys' && <Keys />}
      {page === 'memory' && <MemoryPage />}
      {page === 'run' && <RunPage />}
      {page === 'sessions' && <SessionsPage />}
      {page === 'visit' && <VisitPage />}
      <div className="codemad-chat" hidden={page !== 'chat'}>
        <UnsavedBanner />
        <TrustBanner />
        <Transcript openModels={() => modelOpener.current?.()} />
      </div>
      <ProblemView />
      <RunStatus />
      {page !== 'visit' && <Composer focuser={props.focuser} modelOpener={modelOpener} />}
    </>
  );
}

/** For screen readers: that work began and ended, without reading every word while it streams. */
function RunStatus(): React.JSX.Element {
  const { trans } = usePanel();
  const isRunning = useSession(snapshot => snapshot.transcript.running !== null);
  return (
    <div className="codemad-hidden" role="status">
      {isRunning ? trans.__('CodeMAD is working.') : ''}
    </div>
  );
}
