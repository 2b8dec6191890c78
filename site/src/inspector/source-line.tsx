/** A line of the program: a link to the reader's editor, and a button that copies it. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../text/text.ts";
import { Select } from "../view/select.tsx";
import { type Editor, editorAddress, editors, placeText, sourcePlace } from "./source-place.ts";

const keys = { editor: "twopass.editor", folder: "twopass.sources" };

/** Where a browser remembers nothing, the choice lasts as long as the page. */
function remembered(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // It is not allowed to.
  }
}

const editor = signal<Editor>(editors.find((one) => one === remembered(keys.editor)) ?? "vscode");
const folder = signal(remembered(keys.folder));

export function SourceLine({ line }: { readonly line: string }): JSX.Element {
  const texts = t().inspector.runs;
  const [isCopied, setCopied] = useState<boolean | undefined>(undefined);
  const place = sourcePlace(line, folder.value);
  const address = place === undefined ? undefined : editorAddress(editor.value, place);
  const copy = (): void => {
    // Without a secure address there is no clipboard.
    void Promise.resolve()
      .then(() => navigator.clipboard.writeText(place === undefined ? line : placeText(place)))
      .then(
        () => setCopied(true),
        () => setCopied(false),
      );
  };
  return (
    <span class="inspector-source">
      {address === undefined ? (
        <code>{line}</code>
      ) : (
        <a href={address}>
          <code>{line}</code>
        </a>
      )}{" "}
      <button type="button" class="inspector-link" onClick={copy}>
        {texts.copy}
      </button>{" "}
      <span aria-live="polite">{isCopied === undefined ? "" : isCopied ? texts.copied : texts.notCopied}</span>
    </span>
  );
}

/** Which editor lines open in, and where the sources are. */
export function EditorChoice(): JSX.Element {
  const texts = t().inspector.runs;
  return (
    <details>
      <summary>
        {texts.editor}
        {t().view.colon}
        {texts.editors[editor.value]}
      </summary>
      <Select
        label={texts.editor}
        value={editor.value}
        options={editors.map((value) => ({ value, label: texts.editors[value] }))}
        onChange={(value) => {
          editor.value = value;
          remember(keys.editor, value);
        }}
      />
      <label class="field">
        <span class="field-label">{texts.folder}</span>
        <input
          type="text"
          value={folder.value}
          spellcheck={false}
          onInput={(event) => {
            folder.value = event.currentTarget.value.trim();
            remember(keys.folder, folder.value);
          }}
        />
        <span class="hint">{texts.folderAbout}</span>
      </label>
    </details>
  );
}
