/** Buttons and icons as all views of the panel use them. */
import type { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { PanelContext } from './context';

export function Icon({ of, className = '' }: { of: LabIcon; className?: string }): React.JSX.Element {
  return (
    <span className={`codemad-icon ${className}`} aria-hidden="true">
      <of.react tag="span" />
    </span>
  );
}

export interface IButtonProps {
  onClick: () => void;
  kind?: 'primary' | 'plain' | 'quiet';
  icon?: LabIcon;
  /** The visible text; without it `label` names the button. */
  children?: React.ReactNode;
  /** Shown on hovering. */
  label?: string;
  disabled?: boolean;
  /** For a button that switches something on and off. */
  pressed?: boolean;
  className?: string;
}

export function Button(props: IButtonProps): React.JSX.Element {
  const { onClick, kind = 'plain', icon, children, label, disabled = false, pressed, className = '' } = props;
  const isBare = children === undefined;
  return (
    <button
      type="button"
      className={`codemad-button codemad-button-${kind} ${isBare ? 'codemad-button-icon' : ''} ${className}`}
      onClick={onClick}
      disabled={disabled}
      title={label}
      aria-pressed={pressed}
      aria-label={isBare ? label : undefined}
    >
      {icon && <Icon of={icon} />}
      {children}
    </button>
  );
}

/**
 * A button whose command goes to the server: disabled until the answer is there. In somebody else's session there
 * is none.
 */
export function CommandButton({
  onClick,
  ...rest
}: Omit<IButtonProps, 'onClick'> & { onClick: () => Promise<unknown> }): React.JSX.Element | null {
  const isVisit = React.useContext(PanelContext)?.owner !== undefined;
  const [isBusy, setBusy] = React.useState(false);
  const isMounted = React.useRef(true);
  React.useEffect(() => {
    isMounted.current = true;
    return () => {
      isMounted.current = false;
    };
  }, []);
  const click = (): void => {
    setBusy(true);
    void onClick().finally(() => {
      if (isMounted.current) {
        setBusy(false);
      }
    });
  };
  return isVisit ? null : <Button {...rest} disabled={rest.disabled === true || isBusy} onClick={click} />;
}
