/** The window that lists the keys of the page and of the room that is shown. */
import type { JSX } from "preact";
import { t } from "../text/text.ts";
import { Dialog } from "../view/dialog.tsx";
import { type Shortcut, keyName, roomShortcuts } from "../view/shortcuts.ts";

interface KeyHelpProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  /** Those of the page itself. */
  readonly everywhere: readonly Shortcut[];
}

export function KeyHelp({ isOpen, onClose, everywhere }: KeyHelpProps): JSX.Element {
  const texts = t().app;
  const here = roomShortcuts.value;
  return (
    <Dialog title={texts.keys} isOpen={isOpen} onClose={onClose}>
      <h3>{texts.keysHere}</h3>
      {here.length === 0 ? <p>{texts.noKeys}</p> : <KeyList shortcuts={here} />}
      <h3>{texts.keysEverywhere}</h3>
      <KeyList shortcuts={everywhere} />
    </Dialog>
  );
}

function KeyList({ shortcuts }: { readonly shortcuts: readonly Shortcut[] }): JSX.Element {
  return (
    <dl class="keys">
      {shortcuts.map(({ key, label }) => (
        <div key={key}>
          <dt>
            <kbd>{keyName(key)}</kbd>
          </dt>
          <dd>{label()}</dd>
        </div>
      ))}
    </dl>
  );
}
