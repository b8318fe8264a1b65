/** An item as a renderer of another extension draws it; as we do where there is none, or where it fails. */
import React from 'react';

import type { Drawable, IRenderer } from '../renderers';
import { NO_RENDERERS } from '../renderers';
import { usePanel } from './context';

export function Drawn({ item, children }: React.PropsWithChildren<{ item: Drawable }>): React.JSX.Element {
  const renderers = usePanel().renderers ?? NO_RENDERERS;
  React.useSyncExternalStore(renderers.subscribe, renderers.all);
  const renderer = renderers.of(item);
  const [failed, setFailed] = React.useState<IRenderer | null>(null);
  const host = React.useRef<HTMLDivElement>(null);
  const isTheirs = renderer !== null && failed !== renderer;
  React.useLayoutEffect(() => {
    const place = host.current;
    if (!isTheirs || !place) {
      return;
    }
    let clear: (() => void) | undefined;
    try {
      clear = renderer.draw(item, place);
    } catch (error) {
      renderers.failed(renderer, error);
      setFailed(renderer);
    }
    return () => {
      clear?.();
      place.replaceChildren();
    };
  }, [item, renderer, renderers, isTheirs]);
  return isTheirs ? (
    <div ref={host} className="codemad-drawn" data-renderer={renderer.id} />
  ) : (
    <>{children}</>
  );
}
