/** A window over the page, with a title and a way out: the button, Escape, or a click beside it. */
import type { ComponentChildren, JSX } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../text/text.ts";
import { IconButton } from "./button.tsx";

export interface DialogProps {
  readonly title: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  /** Buttons at its end. */
  readonly actions?: ComponentChildren;
}

export function Dialog({ title, isOpen, onClose, children, actions }: DialogProps): JSX.Element {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  // At once, as keys that are pressed in an open window are not the page's.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element === null || element.open === isOpen) return;
    if (isOpen) element.showModal();
    else element.close();
  }, [isOpen]);
  // What the dialog itself fills is its one child, so a click on the dialog is a click beside it.
  const closeBeside = (event: MouseEvent): void => {
    if (event.target === dialog.current) onClose();
  };
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={id} onClose={onClose} onClick={closeBeside}>
      {isOpen ? (
        <div class="dialog-content">
          <header class="dialog-head">
            <h2 id={id}>{title}</h2>
            <IconButton icon="close" label={t().view.close} onClick={onClose} />
          </header>
          {children}
          {actions === undefined ? undefined : <footer class="actions">{actions}</footer>}
        </div>
      ) : undefined}
    </dialog>
  );
}
