/** A view that is drawn again whenever something outside of React says so. */
import type { ISignal } from '@lumino/signaling';
import React from 'react';

export function Listening(props: {
  to: ISignal<unknown, void>;
  children: () => React.JSX.Element;
}): React.JSX.Element {
  const [, tick] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    const listen = (): void => {
      tick();
    };
    props.to.connect(listen);
    return () => {
      props.to.disconnect(listen);
    };
  }, [props.to]);
  return props.children();
}
