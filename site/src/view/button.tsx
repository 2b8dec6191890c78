/** Buttons: with words, and with a sign whose words are its label. */
import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icons.tsx";
import type { Phase } from "./phase.ts";

interface CommonButtonProps {
  readonly onClick: () => void;
  readonly isDisabled?: boolean | undefined;
  /** For a button that stays in: whether it is. */
  readonly isPressed?: boolean | undefined;
  /** The main thing to do. A phase: in its colour. */
  readonly kind?: "plain" | "main" | Phase | undefined;
  /** The key that does the same, as people call it; shown in the tooltip. */
  readonly shortcut?: string | undefined;
}

export interface ButtonProps extends CommonButtonProps {
  readonly children: ComponentChildren;
  readonly icon?: IconName | undefined;
  /** More than the words say. */
  readonly title?: string | undefined;
}

export interface IconButtonProps extends CommonButtonProps {
  readonly icon: IconName;
  readonly label: string;
}

function withKey(text: string | undefined, shortcut: string | undefined): string | undefined {
  return shortcut === undefined ? text : text === undefined ? shortcut : `${text} (${shortcut})`;
}

export function Button(props: ButtonProps): JSX.Element {
  const { children, icon, title, onClick, isDisabled, isPressed, kind = "plain", shortcut } = props;
  return (
    <button
      type="button"
      class={`button button-${kind}`}
      disabled={isDisabled === true}
      aria-pressed={isPressed}
      title={withKey(title, shortcut)}
      onClick={onClick}
    >
      {icon === undefined ? undefined : <Icon name={icon} />}
      {children}
    </button>
  );
}

export function IconButton(props: IconButtonProps): JSX.Element {
  const { icon, label, onClick, isDisabled, isPressed, kind = "plain", shortcut } = props;
  return (
    <button
      type="button"
      class={`button button-icon button-${kind}`}
      disabled={isDisabled === true}
      aria-pressed={isPressed}
      aria-label={label}
      title={withKey(label, shortcut)}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
